# The end of a script that has started a process for tests, which must not outlive whoever started the script.
#
# Wants `process`, the process, and `run_dir`, its data. What to do comes through the standard input, because the end of a
# pipe is the one signal that also comes when the process at the other end is killed:
#   "stop"   stop the process cleanly, keep its data
#   "kill"   kill the process, keep its data
#   the end  kill the process and remove run_dir: whoever could have wanted it is gone
# It leaves when the process has gone, for whatever reason.

# Waits until the process has gone, for ten seconds at most.
process_goes() {
  local i
  for ((i = 0; i < 200; i++)); do
    kill -0 "$process" 2> /dev/null || return 0
    sleep 0.05
  done
  return 1
}

# A process of its own, since a shell can wait for a child or for its input, but not for both. It also goes
# on when the shell below is killed.
obey() {
  local command
  read -r command || command=end
  # From here on the shell below has to wait until this is done.
  trap '' TERM
  case $command in
    stop)
      kill -TERM "$process"
      process_goes || kill -KILL "$process"
      ;;
    kill)
      kill -KILL "$process"
      ;;
    end)
      kill -KILL "$process" || true
      process_goes || true
      rm -rf "$run_dir"
      ;;
  esac
}
obey <&0 &
obey=$!

# Ends both when a signal ends this shell.
trap 'kill -KILL "$process" "$obey"' EXIT
wait "$process" || true
trap - EXIT
kill -TERM "$obey" 2> /dev/null || true
wait "$obey" || true
