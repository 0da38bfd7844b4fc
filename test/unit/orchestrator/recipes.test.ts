import { describe, expect, it } from 'vitest';
import { readRecipes } from '../../../src/orchestrator/init/detect/recipes.ts';

const read = (texts: Record<string, string>) =>
  readRecipes({ folder: '/shop', names: new Set(Object.keys(texts)), texts: new Map(Object.entries(texts)) });

describe('the recipes of a product', () => {
  it('are taken as shell lines, with the variables of a Makefile filled in and those of the environment left', () => {
    const makefile =
      'DIR ?= db\n\nmigrate: deps\n\t@echo hello\n\t@bin/migrate -d $(DIR) \\\n\t  "$(DATABASE_URL)" up\n';
    expect(read({ Makefile: makefile }).migrate).toBe('bin/migrate -d db "$DATABASE_URL" up');
  });

  it('are run by Go where they are tools of it, in the version that the product has', () => {
    const migrate =
      'version: "3"\ntasks:\n  migrate:up:\n    cmds:\n      - migrate -path db -database {{.DATABASE_URL}} up\n';
    const mod = 'require github.com/golang-migrate/migrate/v4 v4.18.1\n';
    expect(read({ 'Taskfile.yml': migrate, 'go.mod': mod }).migrate).toBe(
      'go run -tags postgres,mysql github.com/golang-migrate/migrate/v4/cmd/migrate@v4.18.1 -path db -database $DATABASE_URL up',
    );
  });

  it.each([
    ['starts an engine', { Makefile: 'migrate:\n\tdocker compose run api migrate\n' }],
    ['needs what only its maker knows', { Makefile: 'migrate:\n\tbin/migrate $(shell pwd)\n' }],
    ['takes an argument', { justfile: 'migrate name:\n  bin/migrate {{name}}\n' }],
    ['makes a migration', { justfile: 'migrate-new:\n  bin/new\n' }],
    ['cannot be read', { 'Taskfile.yml': 'tasks: [' }],
    ['calls other tasks', { 'Taskfile.yml': 'tasks:\n  migrate:\n    cmds:\n      - task: build\n' }],
  ])('say nothing where one %s', (_, files) => {
    expect(read(files as Record<string, string>)).toEqual({ migrate: undefined, seed: undefined });
  });
});
