import { onPort, type Product, reach } from '../product.ts';

export const product: Product = {
  about:
    'Go API whose main package is at the top with tools in cmd/ that listen too, Vue with a script that builds its library',
  repos: {
    web: {
      '.gitignore': 'node_modules\n',
      'package.json': { name: 'web-all', workspaces: ['app', 'widgets'] },
      'package-lock.json': { lockfileVersion: 3 },
      'app/package.json': {
        name: 'app',
        scripts: { dev: 'vite' },
        dependencies: { vue: '^3.5.0', widgets: '*' },
        devDependencies: { vite: '^6.0.0' },
      },
      'app/index.html': '<div id="app"></div>\n',
      'app/src/api.ts': 'export const api = import.meta.env.VITE_API_BASE;\n',
      'app/.env.development': 'VITE_API_BASE=http://localhost:8888\n',
      'widgets/package.json': {
        name: 'widgets',
        scripts: { dev: 'concurrently -n esm,umd "vite build --watch" "UMD=true vite build --watch --mode dev"' },
        dependencies: { vue: '^3.5.0' },
        devDependencies: { vite: '^6.0.0' },
      },
    },
    core: {
      '.gitignore': '/bin\n',
      'go.mod': 'module example.org/core\n\ngo 1.24.1\n\nrequire github.com/gin-gonic/gin v1.10.0\n',
      'main.go': 'package main\n\nfunc main() { serve.Run(os.Getenv("PORT")) }\n',
      'serve/serve.go': [
        'package serve',
        '',
        'func Run(port string) {',
        '\tif port == "" {',
        '\t\tport = "8888"',
        '\t}',
        '\trouter.GET("/health", ok)',
        '\trouter.Run(":" + port)',
        '}',
        '',
      ].join('\n'),
      'cmd/bridge/main.go': 'package main\n\nfunc main() { http.ListenAndServe(":8889", nil) }\n',
    },
  },
  needs: {
    repos: { web: { setup: 'npm ci' } },
    services: {
      web: {
        repo: 'web',
        dir: 'app',
        command: onPort('npm run dev', '--port', '--host'),
        baseline: 5173,
        env: { VITE_API_BASE: reach('core') },
      },
      core: {
        repo: 'core',
        image: /^golang:1\.24/,
        command: 'go run .',
        baseline: 8888,
        ready: '/health',
        env: { PORT: '${port.http}' },
      },
    },
  },
  may: { shared: ['postgres', 'redis'] },
};
