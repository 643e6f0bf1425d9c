/**
 * docs/monitoring/ against what the processes expose: each metric and label that a rule or a panel names is in a
 * registry of ours, and each alert and each warning of the log has its line in docs/operations.md.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collectDefaultMetrics, Registry, type MetricObjectWithValues, type MetricValue } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createAdminSyncMetrics } from '../../admin-sync/metrics.ts'
import type { Log } from '../../core/log.ts'
import { createProviderMetrics } from '../../provider/metrics.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
type Rule = { alert: string; expr: string; annotations: { summary: string } }
const rules = (parse(read('docs/monitoring/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
)
type Panel = { title: string; targets?: { expr: string; legendFormat: string }[] }
const { panels } = JSON.parse(read('docs/monitoring/dashboard.json')) as { panels: Panel[] }
const targets = panels.flatMap((panel) => panel.targets ?? [])

/** Names of the labels of each series, by the name that Prometheus knows it by. */
function exposed(): Map<string, Set<string>> {
  const node = new Registry()
  collectDefaultMetrics({ register: node })
  const series = new Map<string, Set<string>>([['up', new Set()]])
  for (const registry of [createProviderMetrics().registry, createAdminSyncMetrics().registry, node])
    for (const metric of registry.getMetricsAsArray() as (MetricObjectWithValues<MetricValue<string>> & {
      labelNames?: string[]
    })[]) {
      const labels = metric.labelNames ?? []
      const isHistogram = 'buckets' in metric
      const names = isHistogram
        ? ['_bucket', '_sum', '_count'].map((end) => metric.name + end)
        : [metric.name]
      for (const name of names)
        series.set(
          name,
          new Set([...(series.get(name) ?? []), ...labels, ...(name.endsWith('_bucket') ? ['le'] : [])]),
        )
    }
  return series
}
const series = exposed()
// Prometheus itself adds these to whatever it scrapes.
const ofTheScrape = ['job', 'instance']

/** What an expression names: series with the labels that select them, and labels that it groups by. */
function namesIn(expr: string) {
  const plain = expr.replaceAll(/"[^"]*"/g, '""')
  const selections = [...plain.matchAll(/\b([a-z]\w*_\w+|up)\b(?!\s*\()(?:\{([^}]*)\})?/g)].map(
    ([, name = '', inside = '']) => ({
      name,
      labels: [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }),
  )
  const grouped = [...plain.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/))
  return { selections: selections.filter(({ name }) => !name.startsWith('__')), grouped }
}

function problemsOf(expr: string, legend = ''): string[] {
  const { selections, grouped } = namesIn(expr)
  const known = new Set([...ofTheScrape, ...selections.flatMap(({ name }) => [...(series.get(name) ?? [])])])
  const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
  return [
    ...(selections.length === 0 ? ['names no series'] : []),
    ...selections.filter(({ name }) => !series.has(name)).map(({ name }) => `no series ${name}`),
    ...selections.flatMap(({ name, labels }) =>
      labels
        .filter((label) => !series.get(name)?.has(label) && !ofTheScrape.includes(label))
        .map((label) => `${name} has no label ${label}`),
    ),
    ...[...grouped, ...shown].filter((label) => !known.has(label)).map((label) => `no label ${label}`),
  ]
}

describe('the alert rules and the dashboard', () => {
  it('name series and labels that the processes expose, and nothing else', () => {
    expect(rules.length).toBeGreaterThan(20)
    expect(targets.length).toBeGreaterThan(20)
    expect(
      rules.flatMap(({ alert, expr }) => problemsOf(expr).map((problem) => `${alert}: ${problem}`)),
    ).toEqual([])
    expect(
      targets.flatMap(({ expr, legendFormat }) =>
        problemsOf(expr, legendFormat).map((problem) => `${expr}: ${problem}`),
      ),
    ).toEqual([])
  })

  it('would be found out when they named something else', () => {
    expect(problemsOf('sum by (route) (rate(ellipro_nothing_total{job="x"}[5m]))')).toEqual([
      'no series ellipro_nothing_total',
      'no label route',
    ])
    expect(problemsOf('ellipro_activations{login="x"}', '{{path}}')).toEqual([
      'ellipro_activations has no label login',
      'no label path',
    ])
  })

  it('show every metric of ours somewhere', () => {
    const used = [...rules, ...targets].map(({ expr }) => expr).join('\n')
    const ours = [...series.keys()].map((name) => name.replace(/_(bucket|sum|count)$/, ''))
    expect([...new Set(ours)].filter((name) => name.startsWith('ellipro_') && !used.includes(name))).toEqual(
      [],
    )
  })

  it('each alert, and each warning and error of the log, has its line in docs/operations.md', () => {
    const operations = read('docs/operations.md')
    const missing = rules
      .filter(({ alert }) => !operations.includes(`| \`${alert}\``))
      .map(({ alert }) => alert)
    expect(missing).toEqual([])
    const source = globSync('{provider,admin-sync,core}/**/*.ts', { cwd: root }).map(read).join('\n')
    const events = [
      // The name, or the names that are chosen from.
      ...source.matchAll(/log\.(?:warn|error)\(\s*\{\s*event: ([^,}]+)/g),
      ...source.matchAll(/every\(\w+, log, ('[\w.]+')/g),
    ].flatMap(([, names = '']) => [...names.matchAll(/'([\w.]+)'/g)].map(([, event = '']) => event))
    expect(events.length).toBeGreaterThan(20)
    expect([...new Set(events)].filter((event) => !operations.includes(`\`${event}\``))).toEqual([])
  })

  it('events that rules look at are there from the start, so that the first one counts', async () => {
    const looked = [
      ...new Set(rules.flatMap(({ expr }) => [...expr.matchAll(/event=~?"([^"]+)"/g)])),
    ].flatMap(([, list = '']) => list.split('|'))
    const text = await Promise.all(
      [createProviderMetrics(), createAdminSyncMetrics()].map(({ registry }) => registry.metrics()),
    )
    expect(looked.length).toBeGreaterThan(5)
    expect(
      looked.filter((event) => !text.join('\n').includes(`ellipro_log_events_total{event="${event}"} 0`)),
    ).toEqual([])
  })
})

describe('a line of the log', () => {
  const silent = { info() {}, debug() {} } as unknown as Log

  it('is counted whether it is written or not, by event, step and outcome', async () => {
    const { observe, registry } = createProviderMetrics()
    const log = observe(silent)
    log.info({ event: 'activation.start', outcome: 'started' })
    log.info({ event: 'activation.start', outcome: 'address_budget' })
    log.info({ event: 'throttle.refused', limit: 'sign-in', by: 'pair' })
    log.debug({
      event: 'http.answered',
      method: 'GET',
      route: '/activation/:id',
      status: 404,
      duration_ms: 7,
    })
    const text = await registry.metrics()
    expect(text).toContain('ellipro_funnel_total{step="activation",outcome="started"} 1')
    expect(text).toContain('ellipro_mail_budget_refused_total{budget="address_budget"} 1')
    expect(text).toContain('ellipro_throttled_total{limit="sign-in",by="pair"} 1')
    expect(text).toContain(
      'ellipro_http_request_duration_seconds_count{method="GET",route="/activation/:id",status="4xx"} 1',
    )
  })

  it('has no label of a name that Prometheus gives itself: it would rename ours, and no rule would find it', () => {
    const taken = [...series].filter(([, labels]) => ofTheScrape.some((label) => labels.has(label)))
    expect(taken).toEqual([])
  })

  it('gives no label that could hold what a person typed', async () => {
    const { observe, registry } = createAdminSyncMetrics()
    const hostile = 'Claire.Lefevre@example.fr"} 1\nforged'
    observe(silent).info({ event: 'job.done', job: hostile, outcome: hostile, duration_ms: 1 })
    observe(silent).info({ event: 'job.done', job: 'open-account', outcome: hostile, duration_ms: 1 })
    const text = await registry.metrics()
    expect(text).not.toContain('Lefevre')
    expect(text).toContain('ellipro_funnel_total{step="opening",outcome="other"} 1')
  })
})
