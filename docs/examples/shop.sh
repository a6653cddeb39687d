#!/bin/sh
# A shop's day over eSputnik's API, as a script for eSputnik would be written; only the host is another one.
#   API=https://your.host/api KEY=... sh shop.sh
set -eu
API="${API:-https://esputnik.com/api}"
call() { # method, path, body or nothing
    if [ "$#" -gt 2 ]; then
        curl --silent --show-error --fail-with-body --user "shop:$KEY" --request "$1" "$API$2" \
            --header 'Accept: application/json' --header 'Content-Type: application/json; charset=UTF-8' --data "$3"
    else
        curl --silent --show-error --fail-with-body --user "shop:$KEY" --request "$1" "$API$2" \
            --header 'Accept: application/json'
    fi
    echo
}
number() { sed -n 's/.*"id":"\{0,1\}\([0-9][0-9]*\).*/\1/p' | head -n 1; }
text() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

echo "# get-account-info";       call GET /v1/account/info
echo "# add-update-contact"
CONTACT=$(call POST /v1/contact '{"firstName":"Olena","lastName":"Bondar","channels":[{"type":"email","value":"olena@example.org"},{"type":"sms","value":"380671112233"}],"address":{"town":"Lviv","region":"Lvivska","address":"Rynok 1","postcode":"79000"},"languageCode":"uk","timeZone":"Europe/Kyiv","externalCustomerId":"C-1001"}' | number)
echo "contact $CONTACT"
echo "# get-contact";            call GET "/v1/contact/$CONTACT"
echo "# search-contacts";        call GET '/v1/contacts?email=olena%40example.org&maxrows=10'
echo "# subscribe-contact";      call POST /v1/contact/subscribe '{"contact":{"channels":[{"type":"email","value":"lena@example.org"}],"firstName":"Lena"},"groups":["Subscribers"],"formType":"footer"}'
echo "# get-segments"
GROUP=$(call GET '/v1/groups?name=Subs' | number)
echo "segment $GROUP"
echo "# get-segment-contacts";   call GET "/v1/group/$GROUP/contacts?startindex=1&maxrows=500"
echo "# generate-event";         call POST /v2/event '{"eventTypeKey":"invoicePaid","keyValue":"inv-9001","params":[{"name":"EmailAddress","value":"olena@example.org"},{"name":"lines","value":[{"name":"Lamp","sum":120.5}]}]}'
echo "# add-orders";             call POST /v1/orders '{"orders":[{"externalOrderId":"A-500","externalCustomerId":"C-1001","totalCost":1000,"status":"INITIALIZED","date":"2026-03-08T09:30:00+02:00","currency":"UAH","email":"olena@example.org","items":[{"externalItemId":"200600","name":"Lamp","category":"light","quantity":1,"cost":990,"url":"https://shop.example/p/200600","imageUrl":"https://shop.example/p/200600.png"}]}]}'
echo "# send-email"
FROM=$(call GET /v1/interfaces/email | sed -n 's/.*"value":"\(.*\)"}.*/\1/p')
SENT=$(call POST /v1/message/email "{\"from\":\"$FROM\",\"subject\":\"Your order A-500\",\"htmlText\":\"<p>Thank you, %FIRSTNAME|friend%!</p>\",\"plainText\":\"Thank you!\",\"emails\":[\"olena@example.org\"],\"tags\":[\"order\"],\"externalRequestId\":\"rq-78\"}")
echo "$SENT"
echo "# send-sms"
SENDER=$(call GET /v1/interfaces/sms | text value)
call POST /v1/message/sms "{\"from\":\"$SENDER\",\"text\":\"Order A-500 is on its way\",\"phoneNumbers\":[\"380671112233\"]}"
echo "# a prepared message"
MESSAGE=$(call POST /v1/messages/email "{\"name\":\"Discount\",\"from\":\"$FROM\",\"subject\":\"%FIRSTNAME|You% get \$!data.get('discount')\",\"htmlText\":\"<p>#foreach(\$item in \$!data.get('items'))\$!item.get('name') \$!item.get('price'); #end</p>\",\"tags\":[\"sale\"]}" | number)
echo "message $MESSAGE"
echo "# send-prepared-message"
RESULT=$(call POST "/v1/message/$MESSAGE/smartsend" '{"recipients":[{"locator":"olena@example.org","jsonParam":"{\"discount\":\"5%\",\"items\":[{\"name\":\"Lamp\",\"price\":12}]}","externalRequestId":"rq-77"},{"locator":"ann@"}],"email":true}')
echo "$RESULT"
REQUEST=$(printf '%s' "$RESULT" | sed -n 's/.*"requestId":"\([^"]*\)".*/\1/p')
echo "# get-message-status";     call GET "/v1/message/status?ids=$REQUEST"
TODAY=$(date -u +%Y-%m-%d)
echo "# get-contacts-activity";  call GET "/v2/contacts/activity?dateFrom=$TODAY&dateTo=$TODAY&maxrows=100"
echo "# get-workflows";          call GET /v1/workflows
echo "# delete-contact";         call DELETE "/v1/contact/$CONTACT"
