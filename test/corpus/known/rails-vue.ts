import { origins, type Product, reach, vite } from '../product.ts';

const stores = {
  BUNDLE_PATH: /./,
  DATABASE_HOST: '${postgres.host}',
  DATABASE_USER: '${postgres.user}',
  DATABASE_PASSWORD: '${postgres.password}',
  DATABASE_PORT: '${postgres.port}',
  DATABASE_NAME: '${postgres.database}',
  REDIS_URL: '${redis.url}',
};

export const product: Product = {
  about: 'Rails API with settings in config/database.yml, Vue with Vite beside it',
  repos: {
    client: {
      '.gitignore': 'node_modules\n',
      'package.json': {
        name: 'client',
        scripts: { dev: 'vite', build: 'vite build' },
        dependencies: { vue: '^3.5.0' },
        devDependencies: { vite: '^5.4.0', '@playwright/test': '^1.48.0' },
      },
      'yarn.lock': '__metadata:\n  version: 8\n',
      '.yarnrc.yml': 'nodeLinker: node-modules\nyarnPath: .yarn/releases/yarn-4.5.1.cjs\n',
      '.yarn/releases/yarn-4.5.1.cjs': '// yarn\n',
      'playwright.config.ts': `export default { use: { baseURL: 'http://localhost:5173' } };\n`,
      'src/api.js': `export const base = import.meta.env.VITE_API_HOST || 'http://localhost:3000';\n`,
    },
    api: {
      '.gitignore': '/log\n/tmp\n.env\nconfig/master.key\n',
      Gemfile: `source 'https://rubygems.org'\nruby '3.3.5'\ngem 'rails', '~> 7.2'\ngem 'pg'\ngem 'sidekiq'\ngem 'rack-cors'\n`,
      'Gemfile.lock': 'GEM\n  specs:\n    pg (1.5.9)\n',
      'bin/rails': '#!/usr/bin/env ruby\n',
      'config/database.yml': [
        'default: &default',
        '  adapter: postgresql',
        '  host: <%= ENV.fetch("DATABASE_HOST") { "localhost" } %>',
        '  username: <%= ENV.fetch("DATABASE_USER", "tracker") %>',
        '  password: <%= ENV["DATABASE_PASSWORD"] %>',
        '  port: <%= ENV.fetch("DATABASE_PORT", 5432) %>',
        'development:',
        '  <<: *default',
        '  database: <%= ENV.fetch("DATABASE_NAME", "tracker_development") %>',
        '',
      ].join('\n'),
      'config/initializers/cors.rb': `origins ENV.fetch('ALLOWED_ORIGINS', 'http://localhost:5173').split(',')\n`,
      'config/initializers/sidekiq.rb': `config.redis = { url: ENV.fetch('REDIS_URL', 'redis://localhost:6379/0') }\n`,
      'config/puma.rb': 'port ENV.fetch("PORT") { 3000 }\n',
      'config/routes.rb': [
        'Rails.application.routes.draw do',
        '  namespace :api do',
        '    resources :issues',
        '  end',
        `  get '/healthz', to: 'health#show'`,
        'end',
        '',
      ].join('\n'),
      'db/schema.rb': 'ActiveRecord::Schema[7.2].define(version: 1) do\nend\n',
    },
  },
  needs: {
    shared: { postgres: { database: 'tracker_development' }, redis: {} },
    repos: {
      client: { setup: 'yarn install --immutable' },
      api: { setup: /bundle install/, migrate: /rails db:(migrate|prepare)/ },
    },
    services: {
      client: {
        repo: 'client',
        image: /^node:/,
        command: vite('yarn dev'),
        env: { VITE_API_HOST: reach('api') },
      },
      worker: {
        repo: 'api',
        image: /^ruby:3\.3/,
        command: /bundle exec sidekiq$/,
        env: stores,
      },
      api: {
        repo: 'api',
        image: /^ruby:3\.3/,
        command: /rails s -b \$\{bind\} -p \$PORT/,
        baseline: 3000,
        ready: '/healthz',
        env: {
          ...stores,
          ALLOWED_ORIGINS: origins('client'),
        },
      },
    },
  },
};
