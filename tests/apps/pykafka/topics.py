"""Makes the applications' topics, as their operators would: python topics.py"""

import os

from confluent_kafka.admin import AdminClient, NewTopic

admin = AdminClient({"bootstrap.servers": os.environ.get("KAFKA", "127.0.0.1:9092")})
for made in admin.create_topics([NewTopic(name, 3, 1) for name in ("orders", "batches", "shipments", "shipped")]).values():
    made.result()
