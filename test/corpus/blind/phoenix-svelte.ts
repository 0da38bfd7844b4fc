import { maybe, oneOf, type Product, vite } from '../product.ts';

export const product: Product = {
  about: 'Svelte with Vite and a proxy, Phoenix API with Ecto',
  name: 'radio',
  repos: {
    player: {
      '.gitignore': 'node_modules\ndist\n',
      'package.json': {
        name: 'player',
        private: true,
        type: 'module',
        scripts: { dev: 'vite', build: 'vite build' },
        devDependencies: { '@sveltejs/vite-plugin-svelte': '^4.0.0', svelte: '^5.1.3', vite: '^5.4.10' },
      },
      'package-lock.json': { name: 'player', lockfileVersion: 3 },
      'vite.config.js': `import { svelte } from '@sveltejs/vite-plugin-svelte';
export default {
  plugins: [svelte()],
  server: { proxy: { '/api': process.env.PHX_URL || 'http://127.0.0.1:4000' } },
};
`,
      'src/main.js': `fetch('/api/stations');\n`,
    },
    radio: {
      '.gitignore': '/_build/\n/deps/\n',
      '.tool-versions': 'elixir 1.17.3-otp-27\nerlang 27.1.2\n',
      'mix.exs': `defmodule Radio.MixProject do
  use Mix.Project

  def project do
    [app: :radio, version: "0.1.0", elixir: "~> 1.14", aliases: aliases(), deps: deps()]
  end

  defp deps do
    [
      {:phoenix, "~> 1.7.14"},
      {:phoenix_ecto, "~> 4.5"},
      {:ecto_sql, "~> 3.10"},
      {:postgrex, ">= 0.0.0"},
      {:bandit, "~> 1.5"}
    ]
  end

  defp aliases do
    [
      setup: ["deps.get", "ecto.setup"],
      "ecto.setup": ["ecto.create", "ecto.migrate", "run priv/repo/seeds.exs"]
    ]
  end
end
`,
      'mix.lock': '%{}\n',
      'config/config.exs':
        'import Config\nconfig :radio, ecto_repos: [Radio.Repo]\nimport_config "#{config_env()}.exs"\n',
      'config/dev.exs': `import Config

config :radio, Radio.Repo,
  username: System.get_env("PGUSER", "postgres"),
  password: System.get_env("PGPASSWORD", "postgres"),
  hostname: System.get_env("PGHOST", "localhost"),
  port: String.to_integer(System.get_env("PGPORT", "5432")),
  database: System.get_env("PGDATABASE", "radio_dev"),
  pool_size: 10

config :radio, RadioWeb.Endpoint,
  http: [ip: {0, 0, 0, 0}, port: String.to_integer(System.get_env("PORT") || "4000")],
  code_reloader: true,
  secret_key_base: "Zk0m9TzUeW3hQyq8mIbq1N1Tqk9m3u2bQyq8mIbq1N1Tqk9m3u2bQyq8mIbq1N1T"
`,
      'config/runtime.exs': `import Config

if config_env() == :prod do
  database_url = System.get_env("DATABASE_URL") || raise "environment variable DATABASE_URL is missing."
  secret_key_base = System.get_env("SECRET_KEY_BASE") || raise "environment variable SECRET_KEY_BASE is missing."
  host = System.get_env("PHX_HOST") || "example.com"
end
`,
      'lib/radio_web/router.ex': `defmodule RadioWeb.Router do
  use RadioWeb, :router

  get "/health", RadioWeb.HealthController, :index

  scope "/api", RadioWeb do
    pipe_through :api
    resources "/stations", StationController
  end
end
`,
      'lib/radio/repo.ex':
        'defmodule Radio.Repo do\n  use Ecto.Repo, otp_app: :radio, adapter: Ecto.Adapters.Postgres\nend\n',
      'priv/repo/migrations/20241101000000_create_stations.exs':
        'defmodule Radio.Repo.Migrations.CreateStations do\nend\n',
      'priv/repo/seeds.exs': 'Radio.Repo.insert!(%Radio.Station{})\n',
    },
  },
  needs: {
    shared: { postgres: { database: /^radio(_dev)?$/ } },
    repos: {
      player: { setup: 'npm ci' },
      radio: {
        setup: /mix deps\.get/,
        migrate: /mix ecto\.migrate$/,
        seed: 'mix run priv/repo/seeds.exs',
      },
    },
    services: {
      player: {
        repo: 'player',
        image: /^node:/,
        command: vite('npm run dev --'),
        ready: maybe('/'),
        env: { PHX_URL: oneOf('${radio.internal_url}', '${radio.url}') },
      },
      radio: {
        repo: 'radio',
        image: /^(hexpm\/)?elixir:1\.17/,
        command: 'mix phx.server',
        baseline: 4000,
        ready: '/health',
        env: {
          PORT: '${port.http}',
          MIX_ENV: maybe('dev'),
          PGUSER: '${postgres.user}',
          PGPASSWORD: '${postgres.password}',
          PGHOST: '${postgres.host}',
          PGPORT: '${postgres.port}',
          PGDATABASE: '${postgres.database}',
        },
      },
    },
  },
};
