import { onPort, type Product } from '../product.ts';

export const product: Product = {
  about: 'Spring Boot with Maven and actuator, Angular with a proxy that reads the environment',
  repos: {
    ui: {
      '.gitignore': 'node_modules\n',
      'package.json': {
        name: 'ui',
        scripts: { start: 'ng serve --proxy-config proxy.conf.js', build: 'ng build' },
        dependencies: { '@angular/core': '^18.2.0' },
        devDependencies: { '@angular/cli': '^18.2.0' },
      },
      'package-lock.json': { lockfileVersion: 3 },
      'angular.json': { projects: { ui: { architect: { serve: { options: {} } } } } },
      'proxy.conf.js': `module.exports = { '/api': { target: process.env.API_TARGET || 'http://localhost:8080' } };\n`,
    },
    service: {
      '.gitignore': 'target\n',
      'pom.xml': [
        '<project>',
        '  <properties><java.version>21</java.version></properties>',
        '  <dependencies>',
        '    <dependency><artifactId>spring-boot-starter-web</artifactId></dependency>',
        '    <dependency><artifactId>spring-boot-starter-actuator</artifactId></dependency>',
        '    <dependency><artifactId>postgresql</artifactId></dependency>',
        '  </dependencies>',
        '</project>',
        '',
      ].join('\n'),
      mvnw: '#!/bin/sh\n',
      'src/main/resources/application.properties': [
        'spring.application.name=orders',
        'spring.datasource.url=jdbc:postgresql://localhost:5432/orders',
        'spring.datasource.username=orders',
        'spring.datasource.password=orders',
        '',
      ].join('\n'),
      'src/main/java/com/example/orders/OrdersApplication.java':
        'package com.example.orders;\n@SpringBootApplication\nclass OrdersApplication {}\n',
    },
  },
  needs: {
    shared: { postgres: { database: 'orders' } },
    repos: { ui: { setup: 'npm ci' } },
    services: {
      ui: {
        repo: 'ui',
        image: /^node:/,
        command: onPort('npm start', '--port', '--host'),
        env: { API_TARGET: '${service.internal_url}' },
      },
      service: {
        repo: 'service',
        image: /^(maven:.*21|eclipse-temurin:21)/,
        command: /\.?\/?mvnw? .*spring-boot:run/,
        baseline: 8080,
        ready: '/actuator/health',
        env: {
          SERVER_PORT: '${port.http}',
          SPRING_DATASOURCE_URL: 'jdbc:postgresql://${postgres.host}:${postgres.port}/${postgres.database}',
          SPRING_DATASOURCE_USERNAME: '${postgres.user}',
          SPRING_DATASOURCE_PASSWORD: '${postgres.password}',
        },
      },
    },
  },
};
