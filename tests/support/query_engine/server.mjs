// A stand-in for the native query engine that Prisma's Python client starts beside LiteLLM's proxy.
//
// Why: the native engine is no package of a registry; it is fetched from a host of its own, which a
// CI behind a package mirror cannot reach. npm has the engine compiled to WebAssembly. It is Prisma's
// own query engine of the commit that prisma 0.15 asks for (LiteLLM 1.88.6; prisma 0.11 of 1.82.3 asks
// for an older one), but it is not the native binary: connections to Postgres are made by `pg`, and
// GraphQL, which the Python client speaks and this build does not, is translated in protocol.mjs.
//
//     node server.mjs --packages DIR --parent PID -p PORT    what follows -p is Prisma's own
//
// DIR holds node_modules and query_engine_bg.mjs, put there by prisma_engine.py.
import http from 'node:http'
import { parseArgs } from 'node:util'
import { startEngine } from './engine.mjs'
import { answer, toRequest } from './protocol.mjs'

const { values: options } = parseArgs({
  strict: false, // Prisma's other options: --enable-raw-queries and the like
  options: {
    packages: { type: 'string' },
    parent: { type: 'string' },
    port: { type: 'string', short: 'p' },
    version: { type: 'boolean', short: 'V' },
  },
})
const { engine, graphql, models, version } = await startEngine(options)
if (options.version) {
  console.log(`query-engine ${version}`)
  process.exit(0)
}

// The engine ends with its proxy, whatever happens. A proxy that is killed tells nobody.
const parent = Number(options.parent)
setInterval(() => process.ppid === parent || process.exit(0), 300)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0))

const TRACE = '{}' // the engine wants a trace context with each call
const call = async (work) => JSON.parse((await work) || '{}')

async function query(body, transaction) {
  const { batch, query: one, transaction: together, isolation_level: isolationLevel } = JSON.parse(body)
  if (!batch) {
    const { alias, request } = toRequest(graphql, one, models)
    return answer(await call(engine.query(JSON.stringify(request), TRACE, transaction)), alias, request)
  }
  const parts = batch.map((part) => toRequest(graphql, part.query ?? part, models))
  const request = {
    batch: parts.map((part) => part.request),
    transaction: together ? { isolationLevel } : undefined,
  }
  const result = await call(engine.query(JSON.stringify(request), TRACE, transaction))
  if (result.errors) return result
  return { batchResult: result.batchResult.map((part, i) => answer(part, parts[i].alias, parts[i].request)) }
}

async function transaction(id, verb, body) {
  if (verb === 'commit') return call(engine.commitTransaction(id, TRACE))
  if (verb === 'rollback') return call(engine.rollbackTransaction(id, TRACE))
  const { max_wait, timeout, isolation_level } = JSON.parse(body)
  return call(engine.startTransaction(JSON.stringify({ max_wait, timeout, isolation_level }), TRACE))
}

async function respond(path, body, headers) {
  if (path === '/status') return { status: 'ok' }
  if (path === '/metrics') return { counters: [], gauges: [], histograms: [] }
  if (path === '/') return query(body, headers['x-transaction-id'])
  const [, , id, verb] = path.split('/') // /transaction/start, /transaction/ID/commit
  if (path.startsWith('/transaction/')) return transaction(id, verb, body)
  throw new Error(`the stand-in knows no ${path}`)
}

const server = http.createServer(async (request, response) => {
  const path = request.url.split('?')[0]
  let status = 200
  let value
  try {
    value = await respond(path, Buffer.concat(await request.toArray()).toString(), request.headers)
    if (path.startsWith('/transaction/') && (value.error_code || value.errors)) status = 400
  } catch (error) {
    console.error(`query engine stand-in: ${error.stack}`) // into the proxy's log
    status = 500
    value = { error: String(error) }
  }
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
})
server.keepAliveTimeout = 600_000 // the client keeps its connections; one closed under it is an error there
server.listen(Number(options.port))
