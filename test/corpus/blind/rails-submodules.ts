import { maybe, origins, type Product, reach, vite } from '../product.ts';

export const product: Product = {
  about: 'Vite React and Rails with Sidekiq as submodules of a superproject',
  name: 'desk',
  layout: 'superproject',
  repos: {
    'desk-web': {
      '.gitignore': 'node_modules\ndist\n*.local\n',
      '.tool-versions': 'nodejs 20.18.0\n',
      'package.json': {
        name: 'desk-web',
        private: true,
        type: 'module',
        scripts: { dev: 'vite', build: 'tsc -b && vite build', lint: 'eslint .' },
        dependencies: { react: '^18.3.1', 'react-dom': '^18.3.1' },
        devDependencies: { '@vitejs/plugin-react-swc': '^3.5.0', typescript: '~5.6.2', vite: '^5.4.10' },
      },
      'package-lock.json': { name: 'desk-web', lockfileVersion: 3 },
      'vite.config.ts': `import react from '@vitejs/plugin-react-swc';\nexport default { plugins: [react()], server: { port: 5173 } };\n`,
      'src/config.ts': `export const apiHost = import.meta.env.VITE_API_HOST ?? 'http://localhost:3000';\n`,
      'src/main.tsx': `import { createRoot } from 'react-dom/client';\n`,
    },
    'desk-api': {
      '.gitignore': '/.bundle\n/log/*\n/tmp/*\n/config/master.key\n',
      '.ruby-version': 'ruby-3.3.5\n',
      Gemfile: `source "https://rubygems.org"
gem "rails", "~> 7.2.2"
gem "pg", "~> 1.1"
gem "puma", ">= 5.0"
gem "rack-cors"
gem "redis", ">= 4.0.1"
gem "sidekiq", "~> 7.3"
`,
      'Gemfile.lock': 'GEM\n  remote: https://rubygems.org/\n  specs:\n    rails (7.2.2)\n',
      Rakefile: 'require_relative "config/application"\nRails.application.load_tasks\n',
      'bin/rails': '#!/usr/bin/env ruby\n',
      'bin/setup': '#!/usr/bin/env ruby\n',
      'Procfile.dev': 'web: bin/rails server\nworker: bundle exec sidekiq\n',
      'config/application.rb':
        'module Desk\n  class Application < Rails::Application\n    config.api_only = true\n  end\nend\n',
      'config/database.yml': `default: &default
  adapter: postgresql
  encoding: unicode
  pool: <%= ENV.fetch("RAILS_MAX_THREADS") { 5 } %>
  host: <%= ENV.fetch("DATABASE_HOST", "localhost") %>
  port: <%= ENV.fetch("DATABASE_PORT", 5432) %>
  username: <%= ENV.fetch("DATABASE_USER", "postgres") %>
  password: <%= ENV.fetch("DATABASE_PASSWORD", "postgres") %>

development:
  <<: *default
  database: <%= ENV.fetch("DATABASE_NAME", "desk_development") %>
`,
      'config/puma.rb': 'threads 3, 3\nport ENV.fetch("PORT", 3000)\nplugin :tmp_restart\n',
      'config/routes.rb':
        'Rails.application.routes.draw do\n  get "up" => "rails/health#show", as: :rails_health_check\n  resources :tickets\nend\n',
      'config/initializers/cors.rb': `Rails.application.config.middleware.insert_before 0, Rack::Cors do
  allow do
    origins ENV.fetch("CORS_ORIGINS", "http://localhost:5173").split(",")
    resource "*", headers: :any, methods: :any
  end
end
`,
      'config/initializers/sidekiq.rb':
        'Sidekiq.configure_server { |config| config.redis = { url: ENV["REDIS_URL"] } }\n',
      'config/credentials.yml.enc': 'c3RhY2s=\n',
      'db/schema.rb': 'ActiveRecord::Schema[7.2].define(version: 2024_11_10_120000) do\nend\n',
      'db/migrate/20241110120000_create_tickets.rb': 'class CreateTickets < ActiveRecord::Migration[7.2]\nend\n',
      'db/seeds.rb': 'Ticket.find_or_create_by!(title: "First")\n',
      'app/controllers/application_controller.rb': 'class ApplicationController < ActionController::API\nend\n',
    },
    '.': {
      'README.md': '# Desk\n\ngit clone --recurse-submodules\n',
      '.gitmodules':
        '[submodule "desk-web"]\n\tpath = desk-web\n\turl = ../desk-web.git\n[submodule "desk-api"]\n\tpath = desk-api\n\turl = ../desk-api.git\n',
    },
  },
  loose: { 'desk-api/config/master.key': '0123456789abcdef0123456789abcdef\n' },
  needs: {
    shared: { postgres: { database: /^desk(_development)?$/ }, redis: {} },
    repos: {
      'desk-web': { setup: 'npm ci' },
      'desk-api': {
        setup: /bundle install$/,
        migrate: /^(bundle exec |bin\/)*(rails|rake) db:(migrate|prepare)$/,
        seed: /^(bundle exec |bin\/)*(rails|rake) db:seed$/,
        copy: /config\/master\.key/,
      },
    },
    services: {
      'desk-web': {
        repo: 'desk-web',
        image: /^node:20/,
        command: vite('npm run dev --'),
        ready: maybe('/'),
        env: { VITE_API_HOST: reach('desk-api') },
      },
      'desk-api': {
        repo: 'desk-api',
        image: /^ruby:3\.3/,
        command: /(bundle exec |bin\/)*rails (s|server)(?=.* (-b|--binding)[ =]?"?\$\{bind\})/,
        baseline: 3000,
        ready: '/up',
        env: {
          PORT: '${port.http}',
          RAILS_ENV: maybe('development'),
          RAILS_MAX_THREADS: maybe(5),
          DATABASE_HOST: '${postgres.host}',
          DATABASE_PORT: '${postgres.port}',
          DATABASE_USER: '${postgres.user}',
          DATABASE_PASSWORD: '${postgres.password}',
          DATABASE_NAME: '${postgres.database}',
          REDIS_URL: '${redis.url}',
          CORS_ORIGINS: origins('desk-web'),
        },
      },
      worker: {
        repo: 'desk-api',
        image: /^ruby:3\.3/,
        command: /sidekiq$/,
        env: {
          RAILS_ENV: maybe('development'),
          RAILS_MAX_THREADS: maybe(5),
          DATABASE_HOST: '${postgres.host}',
          DATABASE_PORT: '${postgres.port}',
          DATABASE_USER: '${postgres.user}',
          DATABASE_PASSWORD: '${postgres.password}',
          DATABASE_NAME: '${postgres.database}',
          REDIS_URL: '${redis.url}',
          CORS_ORIGINS: maybe('${tickets.desk-web.urls}', '${desk-web.url}'),
        },
      },
    },
  },
};
