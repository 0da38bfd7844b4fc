import { maybe, oneOf, origins, type Product, reach, secret } from '../product.ts';

const ENV = `NODE_ENV=development
APP_PORT=3000
APP_NAME="NestJS API"
API_PREFIX=api
FRONTEND_DOMAIN=http://localhost:3001
BACKEND_DOMAIN=http://localhost:3000

DATABASE_TYPE=postgres
DATABASE_HOST=localhost
DATABASE_PORT=5432
DATABASE_USERNAME=root
DATABASE_PASSWORD=secret
DATABASE_NAME=api

MAIL_HOST=localhost
MAIL_PORT=1025
MAIL_USER=
MAIL_PASSWORD=
MAIL_DEFAULT_EMAIL=noreply@example.com

AUTH_JWT_SECRET=secret
AUTH_JWT_TOKEN_EXPIRES_IN=15m
`;

export const product: Product = {
  about: 'Next.js and NestJS with TypeORM, `env-example-relational`, maildev in a compose file of the API',
  name: 'booking',
  repos: {
    website: {
      '.gitignore': 'node_modules\n.next\n.env*.local\n',
      'package.json': {
        name: 'website',
        private: true,
        scripts: { dev: 'next dev --port 3001', build: 'next build', start: 'next start' },
        dependencies: { next: '15.0.3', react: '18.3.1', 'react-dom': '18.3.1' },
        devDependencies: { cypress: '13.15.2', typescript: '5.6.3' },
      },
      'package-lock.json': { name: 'website', lockfileVersion: 3 },
      'example.env.local': 'NEXT_PUBLIC_API_URL=http://localhost:3000/api\nNEXT_PUBLIC_IS_SIGN_UP_ENABLED=true\n',
      'cypress.config.ts': `export default { e2e: { baseUrl: 'http://localhost:3001' } };\n`,
      'src/services/api.ts': [
        'export const API_URL = process.env.NEXT_PUBLIC_API_URL;',
        `export const isSignUpEnabled = process.env.NEXT_PUBLIC_IS_SIGN_UP_ENABLED === 'true';`,
      ].join('\n'),
      'src/app/page.tsx': 'export default function Page() { return <main>Booking</main>; }\n',
    },
    api: {
      '.gitignore': 'node_modules\ndist\n.env\n',
      'package.json': {
        name: 'api',
        private: true,
        scripts: {
          start: 'nest start',
          'start:dev': 'nest start --watch',
          'start:prod': 'node dist/main',
          typeorm: 'env-cmd ts-node -r tsconfig-paths/register ./node_modules/typeorm/cli.js',
          'migration:generate': 'npm run typeorm -- --dataSource=src/database/data-source.ts migration:generate',
          'migration:run': 'npm run typeorm -- --dataSource=src/database/data-source.ts migration:run',
          'migration:revert': 'npm run typeorm -- --dataSource=src/database/data-source.ts migration:revert',
          'seed:run:relational': 'ts-node -r tsconfig-paths/register ./src/database/seeds/relational/run-seed.ts',
        },
        dependencies: {
          '@nestjs/common': '10.4.8',
          '@nestjs/config': '3.3.0',
          '@nestjs/core': '10.4.8',
          '@nestjs/platform-express': '10.4.8',
          '@nestjs/typeorm': '10.0.2',
          nodemailer: '6.9.16',
          pg: '8.13.1',
          typeorm: '0.3.20',
        },
        devDependencies: { '@nestjs/cli': '10.4.8', 'env-cmd': '10.1.0', 'ts-node': '10.9.2', typescript: '5.6.3' },
      },
      'package-lock.json': { name: 'api', lockfileVersion: 3 },
      'env-example-relational': ENV,
      Dockerfile:
        'FROM node:22.11.0-alpine\nWORKDIR /usr/src/app\nCOPY . .\nRUN npm install\nEXPOSE 3000\nCMD ["npm", "run", "start:prod"]\n',
      'docker-compose.yaml': `services:
  postgres:
    image: postgres:16.4-alpine
    ports: ["\${DATABASE_PORT}:5432"]
    environment:
      POSTGRES_USER: \${DATABASE_USERNAME}
      POSTGRES_PASSWORD: \${DATABASE_PASSWORD}
      POSTGRES_DB: \${DATABASE_NAME}
  maildev:
    image: maildev/maildev:2.1.0
    ports: ["1080:1080", "\${MAIL_PORT}:1025"]
  adminer:
    image: adminer
    ports: ["8080:8080"]
  api:
    build: { context: ., dockerfile: Dockerfile }
    ports: ["\${APP_PORT}:\${APP_PORT}"]
`,
      'src/main.ts': [
        `const app = await NestFactory.create(AppModule, { cors: true });`,
        `app.setGlobalPrefix(configService.getOrThrow('app.apiPrefix'), { exclude: ['/'] });`,
        `await app.listen(configService.getOrThrow('app.port'));`,
      ].join('\n'),
      'src/config/app.config.ts': [
        `export default registerAs('app', () => ({`,
        `  name: process.env.APP_NAME || 'app',`,
        `  frontendDomain: process.env.FRONTEND_DOMAIN,`,
        `  backendDomain: process.env.BACKEND_DOMAIN ?? 'http://localhost',`,
        `  port: process.env.APP_PORT ? parseInt(process.env.APP_PORT, 10) : 3000,`,
        `  apiPrefix: process.env.API_PREFIX || 'api',`,
        `}));`,
      ].join('\n'),
      'src/database/data-source.ts': [
        `export const AppDataSource = new DataSource({`,
        `  type: process.env.DATABASE_TYPE, host: process.env.DATABASE_HOST,`,
        `  port: process.env.DATABASE_PORT ? parseInt(process.env.DATABASE_PORT, 10) : 5432,`,
        `  username: process.env.DATABASE_USERNAME, password: process.env.DATABASE_PASSWORD,`,
        `  database: process.env.DATABASE_NAME, synchronize: false,`,
        `  migrations: [__dirname + '/migrations/**/*{.ts,.js}'],`,
        `});`,
      ].join('\n'),
      'src/mail/config/mail.config.ts': [
        `export default registerAs('mail', () => ({`,
        `  port: parseInt(process.env.MAIL_PORT ?? '587', 10), host: process.env.MAIL_HOST,`,
        `  user: process.env.MAIL_USER, password: process.env.MAIL_PASSWORD,`,
        `  defaultEmail: process.env.MAIL_DEFAULT_EMAIL,`,
        `}));`,
      ].join('\n'),
      'src/auth/config/auth.config.ts': [
        `class Validator { @IsString() AUTH_JWT_SECRET: string; @IsString() AUTH_JWT_TOKEN_EXPIRES_IN: string; }`,
        `export default registerAs('auth', () => { validateConfig(process.env, Validator); return {`,
        `  secret: process.env.AUTH_JWT_SECRET, expires: process.env.AUTH_JWT_TOKEN_EXPIRES_IN }; });`,
      ].join('\n'),
      'src/home/home.controller.ts': `@Controller()\nexport class HomeController { @Get() info() { return { name: 'api' }; } }\n`,
    },
  },
  needs: {
    shared: {
      postgres: { image: 'postgres:16.4-alpine', database: 'api', user: 'root' },
      maildev: {},
    },
    compose: { maildev: 'maildev/maildev:2.1.0' },
    repos: {
      website: { setup: 'npm ci' },
      api: { setup: 'npm ci', migrate: 'npm run migration:run', seed: 'npm run seed:run:relational', env_file: '.env' },
    },
    services: {
      website: {
        repo: 'website',
        image: /^node:/,
        command: /^(npm run dev -- |npx next dev )(?=.*(-p|--port)[ =]"?\$(\{port\.http\}|PORT))/,
        ready: maybe('/'),
        env: {
          NEXT_PUBLIC_API_URL: reach('api', '/api'),
          NEXT_PUBLIC_IS_SIGN_UP_ENABLED: maybe(true),
        },
      },
      api: {
        repo: 'api',
        image: /^node:22/,
        command: 'npm run start:dev',
        baseline: 3000,
        ready: maybe('/'),
        env: {
          NODE_ENV: maybe('development'),
          APP_PORT: '${port.http}',
          APP_NAME: maybe('NestJS API'),
          API_PREFIX: maybe('api'),
          FRONTEND_DOMAIN: origins('website'),
          BACKEND_DOMAIN: '${api.url}',
          DATABASE_TYPE: 'postgres',
          DATABASE_HOST: '${postgres.host}',
          DATABASE_PORT: '${postgres.port}',
          DATABASE_USERNAME: '${postgres.user}',
          DATABASE_PASSWORD: '${postgres.password}',
          DATABASE_NAME: '${postgres.database}',
          MAIL_HOST: oneOf('${maildev.host}', '${maildev.internal_host}'),
          MAIL_PORT: /^\$\{maildev\.port(\.\w+)?\}$/,
          MAIL_USER: maybe(''),
          MAIL_PASSWORD: maybe(''),
          MAIL_DEFAULT_EMAIL: maybe('noreply@example.com'),
          AUTH_JWT_SECRET: secret('AUTH_JWT_SECRET', 'secret'),
          AUTH_JWT_TOKEN_EXPIRES_IN: '15m',
        },
      },
    },
  },
  may: { shared: ['adminer'] },
};
