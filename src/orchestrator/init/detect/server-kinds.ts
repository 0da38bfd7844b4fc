/** What the image of a server tells of it; stack's own three are not here. */
export interface ServerKind {
  /** The last part of the image's name. */
  image: RegExp;
  /** What its ports inside are called, the one that programs talk to first: the ports that it has where nothing says so. */
  ports: readonly (readonly [port: number, name: string])[];
  /** How its address begins, where that is not http. */
  scheme?: string;
  /** How programs call it in the names of their variables. */
  words: RegExp;
}

/** Servers that programs talk to; what people look at data with, and proxies, are none. */
const KINDS: readonly ServerKind[] = [
  {
    image: /^(?:mailpit|mailhog|maildev|smtp4dev|inbucket|mailcatcher|mailslurper|greenmail)$/,
    ports: [
      [1025, 'smtp'],
      [2500, 'smtp'],
      [25, 'smtp'],
      [8025, 'web'],
      [1080, 'web'],
      [80, 'web'],
      [9000, 'web'],
      [1100, 'pop3'],
    ],
    ...{ scheme: 'smtp', words: /^(?:MAIL|MAILER|SMTP|EMAIL|NODEMAILER|MAILPIT|MAILHOG|MAILDEV)$/ },
  },
  {
    image: /^(?:minio|rustfs|seaweedfs|garage|s3mock|s3ninja)$/,
    ports: [
      [9000, 'api'],
      [9001, 'console'],
    ],
    words:
      /^(?:S3|AWS|AWS_S3|S3_AWS|MINIO|STORAGE|OBJECT_STORAGE|FILE_STORAGE|UPLOADS?_S3|STORAGE_S3|LOCALSTACK|FILESYSTEM)$/,
  },
  {
    image: /^localstack$/,
    ports: [[4566, 'api']],
    words: /^(?:S3|AWS|AWS_S3|S3_AWS|SQS|AWS_SQS|SNS|LOCALSTACK)$/,
  },
  {
    image: /^(?:kafka|cp-kafka|redpanda)$/,
    ...{ ports: [[9092, 'kafka']], scheme: 'kafka', words: /^(?:KAFKA|REDPANDA)$/ },
  },
  { image: /^(?:zookeeper|cp-zookeeper)$/, ports: [[2181, 'client']], words: /^ZOOKEEPER$/ },
  {
    image: /^rabbitmq$/,
    ports: [
      [5672, 'amqp'],
      [15672, 'web'],
    ],
    ...{ scheme: 'amqp', words: /^(?:AMQP|RABBITMQ|RABBIT|CLOUDAMQP|RMQ|MQ)$/ },
  },
  {
    image: /^nats$/,
    ports: [
      [4222, 'nats'],
      [8222, 'web'],
    ],
    scheme: 'nats',
    words: /^NATS$/,
  },
  {
    image: /^(?:eclipse-)?mosquitto$/,
    ...{ ports: [[1883, 'mqtt']], scheme: 'mqtt', words: /^(?:MQTT|MOSQUITTO)$/ },
  },
  {
    image: /^(?:mongo|mongodb|mongodb-community-server|mongodb-atlas-local)$/,
    ...{ ports: [[27017, 'mongo']], scheme: 'mongodb', words: /^(?:MONGO|MONGODB|MONGOOSE|MONGO_DB)$/ },
  },
  {
    image: /^(?:elasticsearch|opensearch)$/,
    ...{
      ports: [
        [9200, 'api'],
        [9300, 'cluster'],
      ],
      words: /^(?:ELASTICSEARCH|ELASTIC|ES|OPENSEARCH)$/,
    },
  },
  { image: /^meilisearch$/, ports: [[7700, 'api']], words: /^(?:MEILI|MEILISEARCH)$/ },
  { image: /^typesense$/, ports: [[8108, 'api']], words: /^TYPESENSE$/ },
  {
    image: /^(?:clickhouse-server|clickhouse)$/,
    ports: [
      [8123, 'api'],
      [9000, 'native'],
    ],
    words: /^CLICKHOUSE$/,
  },
  { image: /^memcached$/, ports: [[11211, 'memcached']], scheme: 'memcached', words: /^(?:MEMCACHED?|MEMCACHE)$/ },
  { image: /^keycloak$/, ports: [[8080, 'api']], words: /^KEYCLOAK$/ },
  {
    image: /^azurite$/,
    ports: [
      [10000, 'blob'],
      [10001, 'queue'],
      [10002, 'table'],
    ],
    words: /^AZURITE$/,
  },
  { image: /^dynamodb-local$/, ports: [[8000, 'api']], words: /^DYNAMODB$/ },
  { image: /^(?:temporal|auto-setup)$/, ports: [[7233, 'grpc']], words: /^TEMPORAL$/ },
  {
    image: /^qdrant$/,
    ports: [
      [6333, 'api'],
      [6334, 'grpc'],
    ],
    words: /^QDRANT$/,
  },
  { image: /^weaviate$/, ports: [[8080, 'api']], words: /^WEAVIATE$/ },
  { image: /^chroma$/, ports: [[8000, 'api']], words: /^CHROMA$/ },
  { image: /^solr$/, ports: [[8983, 'api']], words: /^SOLR$/ },
  { image: /^cassandra$/, ports: [[9042, 'cql']], words: /^CASSANDRA$/ },
  { image: /^couchdb$/, ports: [[5984, 'api']], words: /^COUCHDB$/ },
  {
    image: /^neo4j$/,
    ports: [
      [7687, 'bolt'],
      [7474, 'web'],
    ],
    scheme: 'bolt',
    words: /^NEO4J$/,
  },
  { image: /^influxdb$/, ports: [[8086, 'api']], words: /^INFLUX(?:DB)?$/ },
  { image: /^gotenberg$/, ports: [[3000, 'api']], words: /^GOTENBERG$/ },
  { image: /^imgproxy$/, ports: [[8080, 'api']], words: /^IMGPROXY$/ },
];

/** What people use beside their programs, and what programs are made of: none of them is talked to. */
const NO_SERVERS =
  /^(?:adminer|pgadmin4?|phpmyadmin|redis-commander|redisinsight|redis-insight|mongo-express|kafka-ui|kafdrop|akhq|console|cloudbeaver|dbgate|pgweb|nginx|traefik|caddy|haproxy|envoy|portainer|dozzle|watchtower|mc|aws-cli|busybox|alpine|debian|ubuntu|curl|node|python|php|ruby|golang|openjdk|eclipse-temurin|amazoncorretto|maven|gradle|composer|bun|deno|swagger-ui|ngrok|cloudflared|playwright|selenium|migrate|flyway|liquibase|certbot)$/;

/** Returns the last part of an image's name: `mailpit` of `axllent/mailpit:v1.20`. */
export function imageName(image: string): string {
  const plain = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  return plain.slice(plain.lastIndexOf('/') + 1);
}

/** Returns what is known of the server in an image; undefined for one that is not known. */
export function findKind(image: string): ServerKind | undefined {
  const name = imageName(image);
  return KINDS.find((kind) => kind.image.test(name));
}

/** True where an image that is not known may be a server all the same: what leads to it tells. */
export function mayServe(image: string): boolean {
  return !NO_SERVERS.test(imageName(image));
}
