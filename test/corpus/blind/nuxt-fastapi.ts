import { maybe, oneOf, onPort, origins, type Product, reach, secret } from '../product.ts';

export const product: Product = {
  about: 'Nuxt and FastAPI with uv, pydantic settings and Alembic',
  name: 'ledger',
  repos: {
    'ledger-web': {
      '.gitignore': 'node_modules\n.nuxt\n.output\n.env\n',
      '.nvmrc': 'v20.18.0\n',
      'package.json': {
        name: 'ledger-web',
        private: true,
        type: 'module',
        packageManager: 'pnpm@9.12.3',
        scripts: { dev: 'nuxt dev', build: 'nuxt build', generate: 'nuxt generate', postinstall: 'nuxt prepare' },
        dependencies: { nuxt: '^3.14.159', vue: 'latest' },
      },
      'pnpm-lock.yaml': `lockfileVersion: '9.0'\n`,
      '.env.example': 'NUXT_PUBLIC_API_BASE=http://localhost:8000/api/v1\n',
      'nuxt.config.ts': `export default defineNuxtConfig({ runtimeConfig: { public: { apiBase: '' } } });\n`,
      'app.vue': '<template><NuxtPage /></template>\n',
      'composables/useApi.ts':
        'export const useApi = () => $fetch.create({ baseURL: useRuntimeConfig().public.apiBase });\n',
    },
    'ledger-api': {
      '.gitignore': '.venv\n.env\n__pycache__\n',
      '.python-version': '3.12\n',
      'pyproject.toml': `[project]
name = "app"
version = "0.1.0"
requires-python = ">=3.12,<4.0"
dependencies = [
    "fastapi[standard]<1.0.0,>=0.114.2",
    "alembic<2.0.0,>=1.12.1",
    "sqlmodel<1.0.0,>=0.0.21",
    "psycopg[binary]<4.0.0,>=3.1.13",
    "pydantic-settings<3.0.0,>=2.2.1",
]
`,
      'uv.lock': 'version = 1\nrequires-python = ">=3.12, <4.0"\n',
      'alembic.ini': '[alembic]\nscript_location = app/alembic\n',
      'app/alembic/env.py': 'from app.core.config import settings\n',
      Dockerfile: `FROM python:3.12
COPY --from=ghcr.io/astral-sh/uv:0.5.11 /uv /uvx /bin/
WORKDIR /app/
COPY . /app/
RUN uv sync
EXPOSE 8000
CMD ["fastapi", "run", "--workers", "4", "app/main.py"]
`,
      '.env.example': `FRONTEND_HOST=http://localhost:3000
ENVIRONMENT=local
PROJECT_NAME="Ledger"
BACKEND_CORS_ORIGINS="http://localhost:3000"
SECRET_KEY=changethis
FIRST_SUPERUSER=admin@example.com
FIRST_SUPERUSER_PASSWORD=changethis
POSTGRES_SERVER=localhost
POSTGRES_PORT=5432
POSTGRES_DB=app
POSTGRES_USER=postgres
POSTGRES_PASSWORD=changethis
`,
      'docker-compose.yml': `services:
  db:
    image: postgres:17
    environment:
      - POSTGRES_PASSWORD=\${POSTGRES_PASSWORD?Variable not set}
      - POSTGRES_USER=\${POSTGRES_USER?Variable not set}
      - POSTGRES_DB=\${POSTGRES_DB?Variable not set}
    env_file: [.env]
  backend:
    build: { context: . }
    env_file: [.env]
    environment:
      - POSTGRES_SERVER=db
    ports: ["8000:8000"]
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8000/api/v1/utils/health-check/"]
`,
      'app/core/config.py': `from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore")
    API_V1_STR: str = "/api/v1"
    SECRET_KEY: str
    FRONTEND_HOST: str = "http://localhost:3000"
    ENVIRONMENT: Literal["local", "staging", "production"] = "local"
    BACKEND_CORS_ORIGINS: Annotated[list[AnyUrl] | str, BeforeValidator(parse_cors)] = []
    PROJECT_NAME: str
    POSTGRES_SERVER: str
    POSTGRES_PORT: int = 5432
    POSTGRES_USER: str
    POSTGRES_PASSWORD: str = ""
    POSTGRES_DB: str = ""
    FIRST_SUPERUSER: EmailStr
    FIRST_SUPERUSER_PASSWORD: str


settings = Settings()
`,
      'app/main.py': `from fastapi import FastAPI

app = FastAPI(title=settings.PROJECT_NAME)
app.add_middleware(CORSMiddleware, allow_origins=settings.all_cors_origins)
app.include_router(api_router, prefix=settings.API_V1_STR)
`,
      'app/api/main.py': 'api_router = APIRouter()\napi_router.include_router(utils.router)\n',
      'app/api/routes/utils.py': `router = APIRouter(prefix="/utils", tags=["utils"])


@router.get("/health-check/")
async def health_check() -> bool:
    return True
`,
      'app/initial_data.py': 'def init() -> None:\n    with Session(engine) as session:\n        init_db(session)\n',
    },
  },
  needs: {
    shared: { postgres: { image: 'postgres:17', database: 'app', user: 'postgres' } },
    repos: {
      'ledger-web': { setup: /^(corepack )?pnpm (install|i) --frozen-lockfile$/ },
      'ledger-api': {
        setup: /^uv sync|\.venv.*pip install /,
        migrate: /^(uv run |\.venv\/bin\/(python -m )?)alembic upgrade head$/,
        env_file: '.env',
      },
    },
    services: {
      'ledger-web': {
        repo: 'ledger-web',
        image: /^node:20/,
        command: oneOf(
          onPort('pnpm dev', '--port', '--host'),
          onPort('corepack pnpm dev', '--port', '--host'),
          onPort('npx nuxt dev', '--port', '--host'),
        ),
        ready: maybe('/'),
        env: { NUXT_PUBLIC_API_BASE: reach('ledger-api', '/api/v1') },
      },
      'ledger-api': {
        repo: 'ledger-api',
        image: /^(python:3\.12|ghcr\.io\/astral-sh\/uv:)/,
        command:
          /^(uv run |\.venv\/bin\/(python -m )?)(fastapi (dev|run)( app\/main\.py)?|uvicorn app\.main:app)(?=.* --host[ =]"?\$\{bind\})(?=.* --port[ =]"?\$(\{port\.http\}|PORT))/,
        baseline: 8000,
        ready: '/api/v1/utils/health-check/',
        env: {
          FRONTEND_HOST: '${ledger-web.url}',
          ENVIRONMENT: maybe('local'),
          PROJECT_NAME: 'Ledger',
          BACKEND_CORS_ORIGINS: origins('ledger-web'),
          SECRET_KEY: secret('SECRET_KEY', 'changethis'),
          FIRST_SUPERUSER: 'admin@example.com',
          FIRST_SUPERUSER_PASSWORD: secret('FIRST_SUPERUSER_PASSWORD', 'changethis'),
          POSTGRES_SERVER: '${postgres.host}',
          POSTGRES_PORT: '${postgres.port}',
          POSTGRES_DB: '${postgres.database}',
          POSTGRES_USER: '${postgres.user}',
          POSTGRES_PASSWORD: '${postgres.password}',
        },
      },
    },
  },
};
