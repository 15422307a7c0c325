"""A short visit to the orders API, said aloud: python visit.py http://127.0.0.1:8080"""

import sys

import requests

base = sys.argv[1]
visitor = requests.Session()


def say(method, path, **options):
    answer = visitor.request(method, base + path, timeout=10, **options)
    first_line = answer.text.split("\n", 1)[0]
    print(f"  {method:<6} {path:<28} {answer.status_code}  {first_line[:80]}")
    return answer


say("GET", "/health")
say("GET", "/rates/EUR")
say("GET", "/rates/EUR")
order = say("POST", "/orders", json={"customer": "ada", "currency": "EUR", "amount": 8}).json()
say("POST", "/orders", json={"customer": "ada", "currency": "GBP", "amount": 2})
say("GET", f"/orders/{order['id']}")
say("PATCH", f"/orders/{order['id']}", json={"amount": 16})
say("GET", "/orders?customer=ada")
say("GET", "/report.txt?customer=ada")
say("GET", "/orders/nobody-1")
say("DELETE", f"/orders/{order['id']}")
