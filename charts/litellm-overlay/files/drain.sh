# The preStop hook: drain FLAG SECONDS PORT. uvicorn cuts every connection when it is told to end. So
# before that: wait till new ones go elsewhere, raise the flag (running turns end, none starts), wait
# till no connection to the port is left, or the time is over. The flag comes second, or a client that
# is told to connect again could be sent to this very pod. The kernel's tables have the port in
# hexadecimal, 0FA0 for 4000, and 01 for a connection that is established. With a database there is a
# pause at the end: LiteLLM writes spend every 10 to 15 s, and none when it is told to end.
sleep 5
touch "$1"
ends=$(($(date +%s) + $2))
port=$(printf %04X "$3")
while [ "$(date +%s)" -lt "$ends" ] &&
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    grep -qE "^ *[0-9]+: [0-9A-F]+:$port [0-9A-F:]+ 01 "
do
  sleep 1
done
[ -z "$DATABASE_URL$DATABASE_HOST" ] || sleep 18
