  BASE={base} CONCERT={concert} DATE={date}
  field() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }
  post() { curl -s -X POST "$BASE$1" -H 'Content-Type: application/json' "${@:2}"; echo; }

  # sign up, put money into the wallet
  FAN=$(post /v1/users -d '{"name":"Ada"}'); echo "$FAN"
  USER_ID=$(echo "$FAN" | field user_id) TOKEN=$(echo "$FAN" | field access_token)
  post "/v1/users/$USER_ID/wallet/charges" -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: first-charge' -d '{"amount":500000}'

  # take a place in line, wait for the turn
  PLACE=$(post /v1/queue/tokens -H "Authorization: Bearer $TOKEN" -d "{\"concert_id\":\"$CONCERT\",\"date\":\"$DATE\"}"); echo "$PLACE"
  QUEUE=$(echo "$PLACE" | field queue_token)
  until curl -s "$BASE/v1/queue/tokens/current" -H "Queue-Token: $QUEUE" | grep '"status":"active"'; do sleep 1; done

  # look at the free seats, hold two of them, pay
  FREE=$(curl -s "$BASE/v1/concerts/$CONCERT/dates/$DATE/seats?available=true" -H "Authorization: Bearer $TOKEN" -H "Queue-Token: $QUEUE")
  SEATS=$(echo "$FREE" | grep -o '"seat_number":[0-9]*' | head -n 2 | cut -d : -f 2 | paste -s -d , -); echo "seats $SEATS"
  HELD=$(post /v1/reservations -H "Authorization: Bearer $TOKEN" -H "Queue-Token: $QUEUE" -d "{\"concert_id\":\"$CONCERT\",\"date\":\"$DATE\",\"seat_numbers\":[$SEATS]}"); echo "$HELD"
  post /v1/payments -H "Authorization: Bearer $TOKEN" -H "Queue-Token: $QUEUE" -H 'Idempotency-Key: first-payment' -d "{\"reservation_id\":\"$(echo "$HELD" | field reservation_id)\"}"
