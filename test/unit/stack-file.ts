/** The example of the README: a front-end and an API. */
export const SHOP = `name: shop
runtime: auto                       # docker where an engine answers, else process
shared:
  compose: docker-compose.base.yml  # left out: the one that ships with stack
  postgres: { user: stack, password: stack, database: shop }
  redis: {}
repos:
  front: { path: ./front, title: Front-end, base: main }
  api:   { path: ./api, title: API, base: main, shared: true, setup: [npm ci], copy: [config/keys] }
services:
  api:
    repo: api
    image: node:22-alpine           # or build: . ; docker runtime only
    command: npm start
    ports: { http: { baseline: 3000, from: 4001, container: 3000 } }
    env:
      PORT: \${port.http}
      DATABASE_URL: \${postgres.url}
      REDIS_URL: \${redis.url}
    ready: { http: /health }
  front:
    repo: front
    image: node:22-alpine
    command: npm run dev
    ports: { http: { from: 3001, container: 8080 } }
    env:
      PORT: \${port.http}
      API_URL: \${api.url}                   # as a browser on this machine reaches it
      API_PROXY_TARGET: \${api.internal_url} # as this workload itself reaches it
    ready: { http: / }
`;

/** The smallest config that is valid. */
export const SMALL = `name: small
repos:
  app: { path: . }
services:
  web:
    repo: app
    command: npm start
`;
