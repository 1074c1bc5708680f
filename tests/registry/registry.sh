#!/usr/bin/env bash
# Runs Apicurio's registry on 127.0.0.1, and never outlives the process that started it.
#
#   registry.sh REGISTRY_DIR RUN_DIR PORT
#
# REGISTRY_DIR is where cmake/fetch_maven.cmake has put it. It keeps its data and registry.log in RUN_DIR.
# ../support/supervise.sh says how it is told what to do.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
registry_dir=$1 run_dir=$2 port=$3
exec >> "$run_dir/registry.log" 2>&1

# A small JVM that starts fast. The store is a file, so that a restart is one; one connection to it is enough.
"${JAVA_HOME:+$JAVA_HOME/bin/}java" -Xms64m -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto \
  -Djava.net.preferIPv4Stack=true -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$port" \
  -Dquarkus.datasource.jdbc.url="jdbc:h2:file:$run_dir/store" \
  -Dquarkus.datasource.jdbc.initial-size=1 -Dquarkus.datasource.jdbc.min-size=1 \
  -jar "$registry_dir"/apicurio-registry-app-*-runner.jar < /dev/null &
process=$!

source "$here/../support/supervise.sh"
