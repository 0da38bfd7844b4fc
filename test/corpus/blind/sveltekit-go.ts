import { maybe, origins, type Product, reach, secret, vite } from '../product.ts';

export const product: Product = {
  about: 'SvelteKit and a Go API with chi, godotenv and goose',
  name: 'notes',
  repos: {
    web: {
      '.gitignore': 'node_modules\n.svelte-kit\n.env\n',
      'package.json': {
        name: 'web',
        private: true,
        type: 'module',
        engines: { node: '>=22' },
        scripts: { dev: 'vite dev', build: 'vite build', preview: 'vite preview', 'test:e2e': 'playwright test' },
        devDependencies: {
          '@playwright/test': '^1.48.2',
          '@sveltejs/adapter-node': '^5.2.9',
          '@sveltejs/kit': '^2.8.1',
          svelte: '^5.2.3',
          vite: '^5.4.11',
        },
      },
      'package-lock.json': { name: 'web', lockfileVersion: 3 },
      'playwright.config.ts': `export default { webServer: { command: 'npm run build && npm run preview', port: 4173 } };\n`,
      'svelte.config.js': `import adapter from '@sveltejs/adapter-node';\nexport default { kit: { adapter: adapter() } };\n`,
      'vite.config.ts': `import { sveltekit } from '@sveltejs/kit/vite';\nexport default { plugins: [sveltekit()] };\n`,
      '.env.example': 'PUBLIC_API_BASE=http://localhost:8080\n',
      'src/lib/api.ts': `import { PUBLIC_API_BASE } from '$env/static/public';\nexport const get = (path: string) => fetch(PUBLIC_API_BASE + path);\n`,
      'src/routes/+page.svelte': '<h1>Notes</h1>\n',
    },
    server: {
      '.gitignore': '.env\nbin/\ntmp/\n',
      'go.mod': `module github.com/acme/notes-server

go 1.23.2

require (
	github.com/go-chi/chi/v5 v5.1.0
	github.com/go-chi/cors v1.2.1
	github.com/jackc/pgx/v5 v5.7.1
	github.com/joho/godotenv v1.5.1
	github.com/pressly/goose/v3 v3.22.1
)
`,
      'go.sum': 'github.com/go-chi/chi/v5 v5.1.0 h1:acVI1TYaD+hhedDJ3r54HyA6sExp3HfXq7QWEEY+xMw=\n',
      Makefile: `.PHONY: run migrate
run:
	go run ./cmd/server

migrate:
	go run github.com/pressly/goose/v3/cmd/goose -dir migrations postgres "$(DATABASE_URL)" up
`,
      'migrations/00001_notes.sql': '-- +goose Up\nCREATE TABLE notes (id serial primary key);\n',
      '.env.example': `PORT=8080
DATABASE_URL=postgres://notes:notes@localhost:5432/notes?sslmode=disable
ALLOWED_ORIGINS=http://localhost:5173
JWT_SECRET=dev-secret
`,
      'cmd/server/main.go': `package main

import (
	"net/http"
	"os"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/cors"
	"github.com/joho/godotenv"
)

func main() {
	_ = godotenv.Load()
	if os.Getenv("JWT_SECRET") == "" {
		panic("JWT_SECRET is not set")
	}
	db, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	r := chi.NewRouter()
	r.Use(cors.Handler(cors.Options{AllowedOrigins: strings.Split(os.Getenv("ALLOWED_ORIGINS"), ",")}))
	r.Get("/healthz", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("ok")) })
	r.Route("/notes", notes(db))
	http.ListenAndServe(":"+port, r)
}
`,
    },
  },
  needs: {
    shared: { postgres: { database: 'notes' } },
    repos: {
      web: { setup: 'npm ci' },
      server: {
        setup: maybe('go mod download'),
        migrate: /^(make migrate|go run github\.com\/pressly\/goose\/v3\/cmd\/goose .* up|goose .* up)$/,
        env_file: '.env',
      },
    },
    services: {
      web: {
        repo: 'web',
        image: /^node:22/,
        command: vite('npm run dev --'),
        ready: maybe('/'),
        env: { PUBLIC_API_BASE: reach('server') },
      },
      server: {
        repo: 'server',
        image: /^golang:1(\.23)?\b/,
        command: /^(go run \.\/cmd\/server|make run)$/,
        baseline: 8080,
        ready: '/healthz',
        env: {
          PORT: '${port.http}',
          DATABASE_URL: /^\$\{postgres\.url\}(#postgresql)?(\?sslmode=disable)?$/,
          ALLOWED_ORIGINS: origins('web'),
          JWT_SECRET: secret('JWT_SECRET', 'dev-secret'),
        },
      },
    },
  },
};
