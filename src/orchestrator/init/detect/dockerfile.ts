import { findText, type Sources } from '../../sources/sources.ts';

/** Returns the image of a folder's Dockerfile that is one of a language: `node:20-bookworm`; undefined when none of its stages is, or its version is not said. */
export function imageInDockerfile(sources: Sources, language: string): string | undefined {
  const text = findText(sources, /^(?:Dockerfile(?:\.dev\w*)?|dev\.Dockerfile)$/);
  if (text === undefined) return undefined;
  const defaults = new Map(
    [...text.matchAll(/^\s*ARG\s+(\w+)=["']?([^\s"']+)/gim)].map(([, name, value]) => [name, value]),
  );
  const images = [...text.matchAll(/^\s*FROM\s+(?:--\S+\s+)?(\S+)/gim)].map(([, image = '']) =>
    image.replaceAll(/\$\{?(\w+)(?::-([^}]*))?\}?/g, (_, name, other) => defaults.get(name) ?? other ?? ''),
  );
  return images.find((image) => image.startsWith(`${language}:`) && /:v?\d/.test(image));
}
