#!/bin/bash
# Apache Kafka 4.4 (one broker that is its own controller) from Maven Central, without TLS. It also listens on PORT + 1, and, for
# who logs in (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512) as ada with SASL_PASSWORD, on PORT + 2. Topics that are written to are
# made, with one partition.
. "$(dirname "$0")/lib.sh"
[ "$VERB" != stop ] || { stop TERM; exit; }
VERSION=${VERSION:-4.4.0}
HOME_DIR=$CACHE/kafka-$VERSION
SASL_PASSWORD=${SASL_PASSWORD:-of-kafka}

# What 4.4.0 names as kafka-tools-api was not published, and a broker does not need it.
download() {
  local new
  new=$(mktemp -d "$CACHE/new.XXXXXX")
  cat >"$new/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>test</groupId><artifactId>kafka-server</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version>
      <exclusions><exclusion><groupId>org.apache.kafka</groupId><artifactId>kafka-tools-api</artifactId></exclusion></exclusions>
    </dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.1</version></dependency>
  </dependencies>
</project>
POM
  mvn --batch-mode --quiet --file "$new/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$new/lib" || fail "Maven did not fetch Kafka $VERSION" "see its messages above"
  rm -rf "$HOME_DIR"
  mv "$new/lib" "$HOME_DIR"
  rm -r "$new"
}

if [ "$VERB" = install ]; then
  mkdir -p "$CACHE"
  [ -d "$HOME_DIR" ] || download
  exit
fi

[ -d "$HOME_DIR" ] || fail "$HOME_DIR is not there" "cargo xtask setup"
cat >"$DIR/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((PORT + 1))
listeners=PLAINTEXT://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$((PORT + 1)),SASL://127.0.0.1:$((PORT + 2))
advertised.listeners=PLAINTEXT://127.0.0.1:$PORT,SASL://127.0.0.1:$((PORT + 2))
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_ada="$SASL_PASSWORD";
listener.name.sasl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
log.dirs=$DIR/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
CONF
cat >"$DIR/log4j2.xml" <<'CONF'
<Configuration status="ERROR"><Appenders><Console name="c" target="SYSTEM_ERR"><PatternLayout pattern="%d %p %c{1} %m%n"/></Console></Appenders><Loggers><Root level="WARN"><AppenderRef ref="c"/></Root></Loggers></Configuration>
CONF
JAVA=(java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC "-Dlog4j2.configurationFile=$DIR/log4j2.xml" -cp "$HOME_DIR/*")
cd "$DIR"
if [ ! -f data/meta.properties ]; then
  "${JAVA[@]}" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c server.properties \
    --add-scram "SCRAM-SHA-256=[name=ada,password=$SASL_PASSWORD]" \
    --add-scram "SCRAM-SHA-512=[name=ada,password=$SASL_PASSWORD]" >format.log 2>&1 || { cat format.log >&2; exit 1; }
fi
serve "${JAVA[@]}" kafka.Kafka server.properties
