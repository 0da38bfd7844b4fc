import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findLastNote, holdsNotesAlone } from '../../../src/domain/note.ts';
import type { Stack } from '../../../src/orchestrator/core/stack.ts';
import { appendNote } from '../../../src/orchestrator/runs/note.ts';

describe('notes of a ticket', () => {
  let folder: string;
  let file: string;
  let stack: Stack;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'stack-note-'));
    file = path.join(folder, 'NOTES.md');
    const state = { instances: { 'feat-01': { ticket: 'feat-01', folder } } };
    stack = { store: { read: () => Promise.resolve(state) } } as unknown as Stack;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are dated lines, one a note whatever is in it, for this person alone', async () => {
    await appendNote(stack, 'feat-01', 'thrown out\nof the queue\u001b[31m');
    await appendNote(stack, 'feat-01', 'x'.repeat(5000));
    const [first = '', second = '', ...rest] = readFileSync(file, 'utf8').split('\n');
    expect(first).toMatch(/^- \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ thrown out of the queue$/);
    expect(second.length).toBeLessThan(4200);
    expect(rest).toEqual(['']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(holdsNotesAlone(readFileSync(file, 'utf8'))).toBe(true);
  });

  it('of many at once are all there', async () => {
    const texts = Array.from({ length: 30 }, (_, index) => `note ${index}.`);
    await Promise.all(texts.map((text) => appendNote(stack, 'feat-01', text)));
    const text = readFileSync(file, 'utf8');
    expect(texts.filter((one) => !text.includes(`Z ${one}\n`))).toEqual([]);
    expect(text.split('\n')).toHaveLength(31);
  });

  it('begin on a line of their own, and what a person wrote is theirs', async () => {
    writeFileSync(file, 'remember the milk');
    await appendNote(stack, 'feat-01', 'verified');
    expect(readFileSync(file, 'utf8')).toMatch(/^remember the milk\n- .*Z verified\n$/);
    expect(holdsNotesAlone(readFileSync(file, 'utf8'))).toBe(false);
    expect(findLastNote(`${readFileSync(file, 'utf8')}\n\n`)).toMatch(/^2.*Z verified$/);
    expect(findLastNote('\n')).toBeUndefined();
  });

  it.each([
    ['a link', () => symlinkSync('/nowhere', file), 'it is a link'],
    ['a pipe', () => execFileSync('mkfifo', [file]), 'it is a named pipe'],
    ['no folder', () => rmSync(folder, { recursive: true }), 'its folder is gone'],
  ])('are written to no other thing: %s', async (_, arrange, reason) => {
    arrange();
    const message = expect.stringContaining(reason);
    await expect(appendNote(stack, 'feat-01', 'text')).rejects.toMatchObject({ code: 'files', message });
  });

  it('are those of a ticket', async () => {
    await expect(appendNote(stack, 'feat-02', 'text')).rejects.toMatchObject({ code: 'not-found' });
  });
});
