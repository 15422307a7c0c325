"""Makes messages.txt from Kafka's own definitions: python condense.py FOLDER > messages.txt

FOLDER is common/message of kafka-clients-VERSION.jar (Apache-2.0). A line a field, indented as it is nested:

    request 0 Produce 3-13 9+
     transactionalId string 3+ null=3+
     topicData []
      partitionData []

After the name: its type (`[]X` a list, `{}` a struct), versions, and where they are not usual: null=VERSIONS,
tag=NUMBER@VERSIONS, default=VALUE.
"""

import json
import pathlib
import re
import sys

# What only brokers say to each other.
BROKERS_ONLY = {"ControllerRegistration", "BrokerRegistration", "BrokerHeartbeat", "LeaderAndIsr", "StopReplica", "UpdateMetadata"}


def main():
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
        message = json.loads(re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M))
        if message["type"] not in ("request", "response") or "clients" in path.parts:
            continue
        name = re.sub("(Request|Response)$", "", message["name"])
        versions = message["validVersions"]
        if name in BROKERS_ONLY or versions == "none":
            continue
        print(message["type"], message["apiKey"], name, versions, message.get("flexibleVersions", "none"))
        structs = {struct["name"]: struct for struct in message.get("commonStructs", [])}
        for field in message["fields"]:
            show(field, structs, 1)


def show(field, structs, depth):
    of = field["type"]
    item = of.removeprefix("[]")
    nested = field.get("fields") or (structs[item]["fields"] if item in structs else None)
    if nested is not None:
        of = of.replace(item, "{}")
    line = [" " * depth + field["name"][0].lower() + field["name"][1:], of, field.get("versions", field.get("taggedVersions"))]
    if "nullableVersions" in field:
        line.append("null=" + field["nullableVersions"])
    if "tag" in field:
        line.append(f"tag={field['tag']}@{field['taggedVersions']}")
    default = field.get("default")
    if default not in (None, "", "0", 0, "false", False):
        line.append(f"default={default}".lower())
    print(*line)
    for inner in nested or []:
        show(inner, structs, depth + 1)


if __name__ == "__main__":
    main()
