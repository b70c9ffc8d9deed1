#!/bin/sh
# Two CPU processes on this machine, each with half of the rows, against one with all of them.
#
#     sh examples/two_hosts.sh [FOLDER]
#
# Writes one.npz, host0.npz and host1.npz to FOLDER (here by default) and prints how they agree.
set -eu
python=${PYTHON:-python}
program=$(dirname "$0")/two_hosts.py
folder=${1:-.}
port=$("$python" -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")

"$python" "$program" "$folder/one.npz"
"$python" "$program" "$folder/host0.npz" "127.0.0.1:$port" 2 0 &
first=$!
"$python" "$program" "$folder/host1.npz" "127.0.0.1:$port" 2 1
wait "$first"
"$python" "$program" compare "$folder/one.npz" "$folder/host0.npz" "$folder/host1.npz"
