import { maybe, onPort, type Product } from '../product.ts';

export const product: Product = {
  about: 'Angular with a proxy and Spring Boot with Maven, Flyway and actuator',
  name: 'clinic',
  repos: {
    'clinic-ui': {
      '.gitignore': '/node_modules\n/dist\n/.angular/cache\n',
      '.nvmrc': '20\n',
      'package.json': {
        name: 'clinic-ui',
        private: true,
        scripts: { ng: 'ng', start: 'ng serve', build: 'ng build', test: 'ng test' },
        dependencies: { '@angular/core': '^18.2.0', '@angular/router': '^18.2.0', rxjs: '~7.8.0' },
        devDependencies: { '@angular/cli': '^18.2.12', '@angular/build': '^18.2.12', typescript: '~5.5.2' },
      },
      'package-lock.json': { name: 'clinic-ui', lockfileVersion: 3 },
      'angular.json': {
        version: 1,
        projects: {
          'clinic-ui': {
            projectType: 'application',
            architect: {
              serve: { builder: '@angular/build:dev-server', options: { proxyConfig: 'proxy.conf.js', port: 4200 } },
            },
          },
        },
        defaultProject: 'clinic-ui',
      },
      'proxy.conf.js': `module.exports = { '/api': { target: process.env.CLINIC_API || 'http://localhost:9966', secure: false } };\n`,
      'src/environments/environment.ts': `export const environment = { production: false, apiUrl: '/api' };\n`,
      'src/main.ts': `import { bootstrapApplication } from '@angular/platform-browser';\n`,
    },
    'clinic-rest': {
      '.gitignore': 'target/\n',
      mvnw: '#!/bin/sh\n',
      'pom.xml': `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <artifactId>clinic-rest</artifactId>
  <parent>
    <groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-parent</artifactId>
    <version>3.3.5</version>
  </parent>
  <properties><java.version>21</java.version></properties>
  <dependencies>
    <dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-web</artifactId></dependency>
    <dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-data-jpa</artifactId></dependency>
    <dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-actuator</artifactId></dependency>
    <dependency><groupId>org.flywaydb</groupId><artifactId>flyway-database-postgresql</artifactId></dependency>
    <dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId><scope>runtime</scope></dependency>
  </dependencies>
</project>
`,
      'src/main/resources/application.properties': `spring.application.name=clinic-rest
server.port=9966
spring.datasource.url=jdbc:postgresql://localhost:5432/clinic
spring.datasource.username=clinic
spring.datasource.password=clinic
spring.jpa.hibernate.ddl-auto=validate
management.endpoints.web.exposure.include=health,info
`,
      'src/main/resources/db/migration/V1__init.sql': 'create table owners (id serial primary key);\n',
      'src/main/java/org/acme/clinic/ClinicApplication.java': `package org.acme.clinic;

@SpringBootApplication
public class ClinicApplication {
  public static void main(String[] args) { SpringApplication.run(ClinicApplication.class, args); }
}
`,
    },
  },
  needs: {
    shared: { postgres: { database: 'clinic' } },
    repos: { 'clinic-ui': { setup: 'npm ci' } },
    services: {
      'clinic-ui': {
        repo: 'clinic-ui',
        image: /^node:20/,
        command: onPort('npm start --', '--port', '--host'),
        ready: maybe('/'),
        env: { CLINIC_API: '${clinic-rest.internal_url}' },
      },
      'clinic-rest': {
        repo: 'clinic-rest',
        image: /^(eclipse-temurin|maven|amazoncorretto|openjdk):\S*21/,
        command: /^(sh )?\.\/mvnw .*spring-boot:run/,
        baseline: 9966,
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
