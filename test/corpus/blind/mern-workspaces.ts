import { maybe, oneOf, origins, type Product, reach, secret, vite } from '../product.ts';

export const product: Product = {
  about: 'npm workspaces: client (Vite React) and server (Express, mongoose), MongoDB in a compose file',
  name: 'mern',
  repos: {
    '.': {
      '.gitignore': 'node_modules\ndist\n.env\n',
      'package.json': {
        name: 'mern',
        private: true,
        workspaces: ['client', 'server'],
        scripts: {
          dev: 'concurrently "npm run dev -w server" "npm run dev -w client"',
          build: 'npm run build -w client',
        },
        devDependencies: { concurrently: '^9.1.0' },
        engines: { node: '20.x' },
      },
      'package-lock.json': { name: 'mern', lockfileVersion: 3 },
      'docker-compose.yml':
        'services:\n  mongo:\n    image: mongo:7\n    ports: ["27017:27017"]\n    volumes: ["mongo-data:/data/db"]\nvolumes:\n  mongo-data:\n',
      'client/package.json': {
        name: 'client',
        private: true,
        type: 'module',
        scripts: { dev: 'vite', build: 'vite build' },
        dependencies: { react: '^18.3.1', 'react-dom': '^18.3.1' },
        devDependencies: { '@vitejs/plugin-react': '^4.3.3', vite: '^5.4.10' },
      },
      'client/.env.example': 'VITE_SERVER_URL=http://localhost:5050\n',
      'client/vite.config.js': `import react from '@vitejs/plugin-react';\nexport default { plugins: [react()] };\n`,
      'client/src/App.jsx': 'fetch(`${import.meta.env.VITE_SERVER_URL}/record`);\n',
      'server/package.json': {
        name: 'server',
        private: true,
        type: 'module',
        scripts: { dev: 'nodemon server.js', start: 'node server.js', seed: 'node scripts/seed.js' },
        dependencies: {
          cors: '^2.8.5',
          dotenv: '^16.4.5',
          express: '^4.21.1',
          jsonwebtoken: '^9.0.2',
          mongoose: '^8.8.1',
        },
        devDependencies: { nodemon: '^3.1.7' },
      },
      'server/.env.example':
        'PORT=5050\nMONGO_URI=mongodb://localhost:27017/mern\nJWT_SECRET=shhh\nCLIENT_URL=http://localhost:5173\n',
      'server/server.js': `import cors from 'cors';
import 'dotenv/config';
import express from 'express';
import mongoose from 'mongoose';
await mongoose.connect(process.env.MONGO_URI);
const app = express();
app.use(cors({ origin: process.env.CLIENT_URL.split(','), credentials: true }));
app.use('/record', records);
app.use('/auth', auth);
app.listen(process.env.PORT || 5050);
`,
      'server/auth.js': `import jwt from 'jsonwebtoken';\nexport const sign = (user) => jwt.sign({ id: user.id }, process.env.JWT_SECRET);\n`,
      'server/scripts/seed.js': `import '../server.js';\n`,
    },
  },
  needs: {
    shared: { mongo: {} },
    compose: { mongo: 'mongo:7' },
    repos: { '.': { setup: 'npm ci' } },
    services: {
      client: {
        repo: '.',
        dir: 'client',
        image: /^node:20/,
        command: vite('npm run dev --'),
        ready: maybe('/'),
        env: { VITE_SERVER_URL: reach('server') },
      },
      server: {
        repo: '.',
        dir: 'server',
        image: /^node:20/,
        command: 'npm run dev',
        ready: oneOf(undefined),
        env: {
          PORT: '${port.http}',
          MONGO_URI:
            /^(mongodb:\/\/\$\{mongo\.(internal_)?host\}:\$\{mongo\.port(\.\w+)?\}|\$\{mongo\.(internal_)?url\})\/(mern|\$\{mongo\.\w+\})$/,
          JWT_SECRET: secret('JWT_SECRET', 'shhh'),
          CLIENT_URL: origins('client'),
        },
      },
    },
  },
};
