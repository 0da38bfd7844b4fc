import { type Product, reach, vite } from '../product.ts';

export const product: Product = {
  about:
    'Spring Boot in a module of a Gradle build, with a context path and a compose file of its own, SvelteKit in front',
  repos: {
    site: {
      '.gitignore': 'node_modules\n',
      'package.json': {
        name: 'site',
        packageManager: 'pnpm@9.12.0',
        scripts: { dev: 'vite dev' },
        devDependencies: { '@sveltejs/kit': '^2.7.0', svelte: '^5.0.0', vite: '^5.4.0' },
      },
      'pnpm-lock.yaml': 'lockfileVersion: "9.0"\n',
      'src/routes/+page.server.ts': `import { API_URL } from '$env/static/private';\nexport const load = () => fetch(API_URL);\n`,
      'src/routes/healthz/+server.ts': `export const GET = () => new Response('ok');\n`,
    },
    ward: {
      '.gitignore': 'build\n.gradle\n',
      gradlew: '#!/bin/sh\n',
      'settings.gradle.kts': 'rootProject.name = "ward"\ninclude("core", "app")\n',
      'build.gradle.kts': 'plugins {\n  id("org.springframework.boot") version "3.3.4" apply false\n}\n',
      'core/build.gradle.kts':
        'plugins { `java-library` }\ndependencies { api("org.springframework.boot:spring-boot-starter-data-jpa") }\n',
      'core/src/main/java/org/example/ward/Patient.java': 'package org.example.ward;\nclass Patient {}\n',
      'app/build.gradle.kts': [
        'plugins { id("org.springframework.boot") }',
        'java { toolchain { languageVersion = JavaLanguageVersion.of(17) } }',
        'dependencies {',
        '  implementation(project(":core"))',
        '  implementation("org.springframework.boot:spring-boot-starter-web")',
        '  implementation("org.springframework.boot:spring-boot-starter-actuator")',
        '  implementation("org.flywaydb:flyway-core")',
        '  developmentOnly("org.springframework.boot:spring-boot-docker-compose")',
        '  runtimeOnly("org.postgresql:postgresql")',
        '}',
        '',
      ].join('\n'),
      'app/src/main/java/org/example/ward/WardApplication.java':
        'package org.example.ward;\n@SpringBootApplication\nclass WardApplication {}\n',
      'app/src/main/resources/application.yml': [
        'server:',
        '  port: 8085',
        '  servlet:',
        '    context-path: /ward',
        'spring:',
        '  datasource:',
        '    url: jdbc:postgresql://localhost:5432/ward',
        '    username: ward',
        '    password: ward',
        '',
      ].join('\n'),
    },
  },
  needs: {
    shared: { postgres: { database: 'ward' } },
    repos: { site: { setup: 'corepack pnpm install --frozen-lockfile' } },
    services: {
      site: {
        repo: 'site',
        image: /^node:/,
        command: vite('corepack pnpm dev'),
        ready: '/healthz',
        env: { API_URL: reach('ward') },
      },
      ward: {
        repo: 'ward',
        dir: 'app',
        image: /^eclipse-temurin:17/,
        command: /gradlew (-p \.\. )?:app:bootRun$/,
        baseline: 8085,
        ready: '/ward/actuator/health',
        env: {
          SERVER_PORT: '${port.http}',
          SPRING_DATASOURCE_URL: 'jdbc:postgresql://${postgres.host}:${postgres.port}/${postgres.database}',
          SPRING_DATASOURCE_USERNAME: '${postgres.user}',
          SPRING_DATASOURCE_PASSWORD: '${postgres.password}',
          SPRING_DOCKER_COMPOSE_ENABLED: 'false',
        },
      },
    },
  },
};
