/** A tool that serves a front-end while it is developed. */
export interface Framework {
  label: string;
  /** Any of these packages brings it. */
  packages: readonly string[];
  /** How it looks in a script. */
  tool: RegExp;
  port: number;
  /** Flags that make it listen where it is to, on the port it is given; '' when variables are enough. */
  host: string;
  portFlag: string;
  /** Variables that begin so reach the code in the browser. */
  prefix: string;
  /** What it is told by variables. */
  env?: Record<string, string>;
}

const HOST = '--host ${bind}';
const PORT = '--port $PORT';

/** Known front-end tools; the first whose package is there counts, so those built on Vite stand before it. */
const FRAMEWORKS: readonly Framework[] = [
  {
    label: 'Next.js',
    packages: ['next'],
    tool: /\bnext\b/,
    port: 3000,
    host: '--hostname ${bind}',
    portFlag: '',
    prefix: 'NEXT_PUBLIC_',
  },
  {
    ...{ label: 'Nuxt', packages: ['nuxt', 'nuxt3'], tool: /\b(?:nuxt|nuxi)\b/, port: 3000 },
    ...{ host: HOST, portFlag: PORT, prefix: 'NUXT_PUBLIC_' },
  },
  {
    ...{ label: 'Astro', packages: ['astro'], tool: /\bastro\b/, port: 4321 },
    ...{ host: HOST, portFlag: PORT, prefix: 'PUBLIC_' },
  },
  {
    ...{ label: 'Angular', packages: ['@angular/core'], tool: /\bng (?:serve|s)\b/, port: 4200 },
    ...{ host: HOST, portFlag: PORT, prefix: '' },
  },
  {
    ...{
      label: 'Create React App',
      packages: ['react-scripts'],
      tool: /\b(?:react-scripts|react-app-rewired|craco)\b/,
      port: 3000,
    },
    ...{ host: '', portFlag: '', prefix: 'REACT_APP_', env: { HOST: '${bind}' } },
  },
  {
    ...{ label: 'Vue CLI', packages: ['@vue/cli-service'], tool: /\bvue-cli-service serve\b/, port: 8080 },
    ...{ host: HOST, portFlag: PORT, prefix: 'VUE_APP_' },
  },
  {
    ...{ label: 'Gatsby', packages: ['gatsby'], tool: /\bgatsby (?:develop|dev)\b/, port: 8000 },
    ...{ host: HOST, portFlag: PORT, prefix: 'GATSBY_' },
  },
  {
    ...{ label: 'Remix', packages: ['@remix-run/dev', '@react-router/dev'], tool: /\b(?:remix|react-router|vite)\b/ },
    ...{ port: 5173, host: HOST, portFlag: PORT, prefix: 'VITE_' },
  },
  {
    ...{ label: 'SvelteKit', packages: ['@sveltejs/kit'], tool: /\bvite\b/, port: 5173 },
    ...{ host: HOST, portFlag: PORT, prefix: 'PUBLIC_' },
  },
  {
    ...{ label: 'Vite', packages: ['vite'], tool: /\bvite\b(?! build)/, port: 5173 },
    ...{ host: HOST, portFlag: `${PORT} --strictPort`, prefix: 'VITE_' },
  },
  {
    ...{ label: 'Parcel', packages: ['parcel'], tool: /\bparcel\b/, port: 1234 },
    ...{ host: HOST, portFlag: PORT, prefix: '' },
  },
  {
    ...{ label: 'webpack', packages: ['webpack-dev-server'], tool: /\bwebpack(?:-dev-server| serve)\b/, port: 8080 },
    ...{ host: HOST, portFlag: PORT, prefix: '' },
  },
];

/** Returns the tool that a script starts, else the first that is there; undefined where none is. */
export function findFramework(all: ReadonlySet<string>, script: string): Framework | undefined {
  const known = FRAMEWORKS.filter(({ packages }) => packages.some((name) => all.has(name)));
  return known.find(({ tool }) => tool.test(script)) ?? known[0];
}

/** Packages that make an API, with the name people know them by. */
export const SERVER_PACKAGES: Readonly<Record<string, string>> = {
  '@nestjs/core': 'NestJS',
  '@adonisjs/core': 'AdonisJS',
  '@strapi/strapi': 'Strapi',
  '@feathersjs/feathers': 'Feathers',
  '@apollo/server': 'Apollo',
  'apollo-server': 'Apollo',
  'graphql-yoga': 'GraphQL Yoga',
  '@hapi/hapi': 'hapi',
  '@trpc/server': 'tRPC',
  fastify: 'Fastify',
  express: 'Express',
  koa: 'Koa',
  hono: 'Hono',
  restify: 'restify',
  polka: 'Polka',
  elysia: 'Elysia',
};

/** Packages of a front-end without a tool that serves it. */
export const FRONT_PACKAGES = ['react-dom', 'vue', 'svelte', 'preact', 'solid-js', 'lit', '@angular/core'] as const;
