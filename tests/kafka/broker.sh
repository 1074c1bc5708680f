#!/usr/bin/env bash
# Runs one node of a Kafka test cluster on 127.0.0.1, and never outlives the process that started it.
#
#   broker.sh LIB_DIR RUN_DIR NODE NODES PORT...
#
# LIB_DIR is the directory of the jars. KARROW_BROKER_CONFIG may hold further lines of configuration, and
# KARROW_BROKER_SCRAM lines that each name a user, as --add-scram of Kafka's storage tool wants them. Nodes count
# from 1; the ports are, for each node of the cluster in turn, its broker port and its controller port. The node
# keeps its data and broker.log in RUN_DIR/node-NODE.
#
# ../support/supervise.sh says how it is told what to do.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
lib_dir=$1 run_dir=$2 node=$3 nodes=$4
shift 4
ports=("$@")
node_dir=$run_dir/node-$node
mkdir -p "$node_dir"
exec >> "$node_dir/broker.log" 2>&1

voters=
for ((i = 1; i <= nodes; i++)); do
  voters+=${voters:+,}$i@127.0.0.1:${ports[2 * i - 1]}
done
sed -e "s|@NODE@|$node|g" \
    -e "s|@VOTERS@|$voters|g" \
    -e "s|@DATA_DIR@|$node_dir/data|g" \
    -e "s|@BROKER_PORT@|${ports[2 * node - 2]}|g" \
    -e "s|@CONTROLLER_PORT@|${ports[2 * node - 1]}|g" \
    -e "s|@REPLICATION@|$((nodes < 3 ? nodes : 3))|g" \
    "$here/server.properties.in" > "$node_dir/server.properties"
echo "${KARROW_BROKER_CONFIG:-}" >> "$node_dir/server.properties"

# A small JVM that starts fast: many of them may run beside the tests.
java=("${JAVA_HOME:+$JAVA_HOME/bin/}java" -Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto
      -Djava.net.preferIPv4Stack=true "-Dlog4j2.configurationFile=$here/log4j2.properties" -cp "$lib_dir/*")

if [ ! -f "$node_dir/data/meta.properties" ]; then
  # Any cluster id does, as long as all nodes have the same one: 16 bytes in URL-safe base64.
  format=(-t a2Fycm93LXRlc3RzLTAwMQ -c "$node_dir/server.properties")
  while read -r user; do
    [ -z "$user" ] || format+=(--add-scram "$user")
  done <<< "${KARROW_BROKER_SCRAM:-}"
  "${java[@]}" kafka.tools.StorageTool format "${format[@]}" < /dev/null
fi

"${java[@]}" kafka.Kafka "$node_dir/server.properties" < /dev/null &
process=$!

source "$here/../support/supervise.sh"
