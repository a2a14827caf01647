# Ask as a client would: through the gateway to a replica of the API. Needs nothing but bash.
exec 3<>/dev/tcp/127.0.0.1/8080 || exit 1
printf 'GET /health/live HTTP/1.0\r\nHost: gateway\r\n\r\n' >&3
read -r -t 4 status <&3
[[ $status == *' 200 '* ]]
