import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findEditor } from '../../../src/adapters/editor.ts';
import { makeTemp } from '../../support/temp.ts';

describe('an editor that works in a terminal', () => {
  it('is not opened where there is none, unless it is named', async () => {
    const folder = makeTemp();
    writeFileSync(path.join(folder, 'vim'), '#!/bin/sh\n', { mode: 0o755 });
    expect(await findEditor({ PATH: folder }, false)).toBe(undefined);
    expect(await findEditor({ PATH: folder }, true)).toBe('vim');
    expect(await findEditor({ PATH: folder, EDITOR: 'vim' }, false)).toBe('vim');
  });
});
