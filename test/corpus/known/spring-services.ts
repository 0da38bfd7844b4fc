import { type Product, reach } from '../product.ts';

const pom = (name: string) =>
  [
    '<project>',
    `  <artifactId>${name}</artifactId>`,
    '  <properties><java.version>17</java.version></properties>',
    '  <dependencies>',
    '    <dependency><artifactId>spring-boot-starter-web</artifactId></dependency>',
    '    <dependency><artifactId>spring-boot-starter-actuator</artifactId></dependency>',
    '  </dependencies>',
    '</project>',
    '',
  ].join('\n');

export const product: Product = {
  about:
    'one repo: React with craco and an nginx image, two Spring Boot services with ./mvnw in server/, placeholders in its example',
  name: 'market',
  repos: {
    '.': {
      '.gitignore': 'node_modules\ntarget\n.env\n',
      'client/package.json': {
        name: 'client',
        scripts: { start: 'craco start', build: 'craco build' },
        dependencies: { 'react-dom': '^17.0.2', 'react-scripts': '4.0.3', '@craco/craco': '^6.4.0' },
      },
      'client/yarn.lock': '# yarn lockfile v1\n',
      'client/Dockerfile': 'FROM node:16-alpine AS build\nRUN yarn build\n\nFROM nginx:1.25-alpine\nEXPOSE 80\n',
      'client/.env.example': 'REACT_APP_ORDERS_URL=<URL of orders>\nREACT_APP_CATALOG_URL=<URL of catalog>\n',
      'client/src/api.js': [
        'export const orders = process.env.REACT_APP_ORDERS_URL;',
        'export const catalog = process.env.REACT_APP_CATALOG_URL;',
        '',
      ].join('\n'),
      'server/orders/pom.xml': pom('orders'),
      'server/orders/mvnw': '#!/bin/sh\n',
      'server/orders/src/main/resources/application.properties': 'server.port=7000\n',
      'server/catalog/pom.xml': pom('catalog'),
      'server/catalog/mvnw': '#!/bin/sh\n',
      'server/catalog/src/main/resources/application.properties': 'server.port=9000\n',
    },
  },
  needs: {
    repos: { '.': { setup: /^cd client && yarn install/ } },
    services: {
      client: {
        repo: '.',
        dir: 'client',
        image: /^node:16/,
        command: 'yarn start',
        baseline: 3000,
        ready: '/',
        env: {
          PORT: '${port.http}',
          HOST: '${bind}',
          REACT_APP_ORDERS_URL: reach('orders'),
          REACT_APP_CATALOG_URL: reach('catalog'),
        },
      },
      orders: {
        repo: '.',
        dir: 'server/orders',
        command: /^(?:sh |\.\/)mvnw spring-boot:run/,
        baseline: 7000,
        ready: '/actuator/health',
        env: { SERVER_PORT: '${port.http}' },
      },
      catalog: {
        repo: '.',
        dir: 'server/catalog',
        command: /^(?:sh |\.\/)mvnw spring-boot:run/,
        baseline: 9000,
        ready: '/actuator/health',
        env: { SERVER_PORT: '${port.http}' },
      },
    },
  },
  may: { shared: ['postgres', 'redis'] },
};
