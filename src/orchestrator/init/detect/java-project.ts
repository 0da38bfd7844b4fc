import { quoteForShell } from '../../../domain/shell.ts';
import type { Sources } from '../../sources/sources.ts';
import { listFixedAddresses } from './checks.ts';
import { imageInDockerfile } from './dockerfile.ts';
import { detectHealth } from './health.ts';
import { listSpringSettings } from './implied-variables.ts';
import { detectNeeds } from './needs.ts';
import type { Project } from './project.ts';
import { judgeFolder } from './roles.ts';
import { detectVariables } from './variables.ts';

/** A framework that makes servers out of Java or Kotlin. */
interface Framework {
  label: string;
  /** How it looks in `pom.xml` or `build.gradle`. */
  mark: RegExp;
  maven: string;
  gradle: string;
  /** The variable by which it is told where to listen. */
  port: string;
}

const FRAMEWORKS: readonly Framework[] = [
  {
    ...{ label: 'Spring Boot', mark: /spring-?boot/, maven: 'spring-boot:run', gradle: 'bootRun' },
    port: 'SERVER_PORT',
  },
  {
    ...{ label: 'Quarkus', mark: /io\.quarkus/, maven: 'quarkus:dev', gradle: 'quarkusDev' },
    port: 'QUARKUS_HTTP_PORT',
  },
  {
    ...{ label: 'Micronaut', mark: /io\.micronaut/, maven: 'mn:run', gradle: 'run' },
    port: 'MICRONAUT_SERVER_PORT',
  },
];
const DEFAULT_JAVA = '21';
const USUAL_PORT = 8080;

/** Returns what a project with Maven or Gradle is; undefined where none of the frameworks is among its packages. */
export function detectJavaProject(
  sources: Sources,
  around: { repo: string; dir: string; top: Sources },
): Project | undefined {
  const maven = sources.texts.get('pom.xml');
  const gradle = sources.texts.get('build.gradle') ?? sources.texts.get('build.gradle.kts');
  const manifest = maven ?? gradle;
  const framework = FRAMEWORKS.find(({ mark }) => mark.test(manifest ?? ''));
  if (manifest === undefined || !framework || !isProgram(sources, around.top)) return undefined;
  const build = {
    sources: isModule(around.top) ? around.top : sources,
    module: isModule(around.top) ? around.dir : '',
  };
  const settings = listSpringSettings(sources);
  const variables = detectVariables(sources);
  const told = variableOfPort(sources);
  const role = judgeFolder(around, { front: 0, api: 3 });
  return {
    dir: around.dir,
    label: framework.label,
    role,
    image: imageOf(build.sources, manifest, { isMaven: maven !== undefined }),
    build: false,
    command: { value: maven === undefined ? gradleLine(build, framework) : mavenLine(build, framework) },
    port: {
      value: Number(told?.port ?? settings.get('server.port')) || USUAL_PORT,
      variable: told?.name ?? framework.port,
    },
    health: actuator(manifest, settings) ?? detectHealth(sources, role),
    migratesItself:
      /\b(?:flyway|liquibase)\b/.test(manifest) ||
      /^(?:update|create)/.test(settings.get('spring.jpa.hibernate.ddl-auto') ?? ''),
    // It would start the product's compose file itself.
    env: /spring-boot-docker-compose/.test(manifest) ? { SPRING_DOCKER_COMPOSE_ENABLED: 'false' } : {},
    variables: variables.filter(({ name }) => name !== framework.port),
    addresses: listFixedAddresses(sources),
    needs: detectNeeds(sources, new Set()),
    checks: [],
    setup: undefined,
    setupMakes: undefined,
  };
}

/** `server.port=${PORT:8081}`. */
function variableOfPort({ texts }: Sources): { name: string; port: string | undefined } | undefined {
  for (const [file, text] of texts) {
    const match = /application[\w-]*\.(?:ya?ml|properties)$/.test(file)
      ? text.match(/\bserver(?:\.|:\s*(?:\n\s+\w+:[^\n]*)*?\n\s+)port\s*[=:]\s*["']?\$\{(\w+)(?::(\d+))?\}/)
      : null;
    if (match) return { name: match[1]!, port: match[2] };
  }
  return undefined;
}

/** Where a project is built from: its own folder, or the top of the build that it is a module of. */
interface Build {
  sources: Sources;
  /** '' for a project that is no module. */
  module: string;
}

function mavenLine({ sources: { names }, module }: Build, { maven }: Framework): string {
  const program = names.has('mvnw') ? 'sh mvnw' : 'mvn';
  if (module === '') return `${program} ${maven}`;
  // The modules that it is made of have to be installed before it starts.
  const of = quoteForShell(module);
  return `cd ${upFrom(module)} && ${program} -q -DskipTests -pl ${of} -am install && ${program} -pl ${of} ${maven}`;
}

function gradleLine({ sources: { names }, module }: Build, { gradle }: Framework): string {
  if (module === '') return names.has('gradlew') ? `sh gradlew ${gradle}` : `gradle ${gradle}`;
  const up = upFrom(module);
  const program = names.has('gradlew') ? `sh ${up}/gradlew` : 'gradle';
  return `${program} -p ${up} ${quoteForShell(`:${module.replaceAll('/', ':')}:${gradle}`)}`;
}

function upFrom(dir: string): string {
  return dir.split('/').fill('..').join('/');
}

/** True for the top of a build of several modules. */
function isModule({ texts }: Sources): boolean {
  const gradle = texts.get('settings.gradle') ?? texts.get('settings.gradle.kts') ?? '';
  return /<modules>/.test(texts.get('pom.xml') ?? '') || /^\s*include\b/m.test(gradle);
}

/** Of several modules only that which starts is a program; the others are libraries of it. */
function isProgram({ texts }: Sources, top: Sources): boolean {
  const starts = /@SpringBootApplication|@QuarkusMain|\bMicronaut\.|SpringApplication\.run|\brunApplication</;
  return (
    !isModule(top) || [...texts].some(([file, text]) => /^src\/main\/.*\.(?:java|kt)$/.test(file) && starts.test(text))
  );
}

function imageOf(sources: Sources, manifest: string, { isMaven }: { isMaven: boolean }): string {
  const said =
    manifest.match(/<(?:java\.version|maven\.compiler\.(?:release|source))>\s*(?:1\.)?(\d+)/)?.[1] ??
    manifest
      .match(/JavaLanguageVersion\.of\(\s*(\d+)|jvmToolchain\(\s*(\d+)/)
      ?.slice(1)
      .find(Boolean) ??
    manifest.match(/sourceCompatibility\s*=\s*(?:JavaVersion\.VERSION_|['"])?(?:1[._])?(\d+)/)?.[1] ??
    sources.texts.get('.java-version')?.match(/(\d+)/)?.[1] ??
    DEFAULT_JAVA;
  const hasWrapper = sources.names.has(isMaven ? 'mvnw' : 'gradlew');
  if (hasWrapper) return `eclipse-temurin:${said}`;
  return (
    imageInDockerfile(sources, isMaven ? 'maven' : 'gradle') ??
    (isMaven ? `maven:3-eclipse-temurin-${said}` : `gradle:8-jdk${said}`)
  );
}

function actuator(manifest: string, settings: ReadonlyMap<string, string>): { value: string } | undefined {
  if (/quarkus-smallrye-health/.test(manifest)) return { value: '/q/health' };
  if (!/actuator/.test(manifest) || settings.has('management.server.port')) return undefined;
  const context = settings.get('server.servlet.context-path')?.replace(/\/$/, '') ?? '';
  const base = settings.get('management.endpoints.web.base-path')?.replace(/\/$/, '') ?? '/actuator';
  return { value: `${context}${base}/health` };
}
