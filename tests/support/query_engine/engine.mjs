// Prisma's query engine as WebAssembly, with a connection pool of `pg` behind it.
import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { modelsOf } from './protocol.mjs'

// What Postgres calls these types, and what Prisma's adapter for `pg` knows instead. The native engine
// reads a name as text, too. LiteLLM asks for names in the catalogue's tables when it starts.
const READ_AS = new Map([[19, 25], [1003, 1009]]) // name: text, name[]: text[]

export async function startEngine({ packages, version }) {
  const require = createRequire(path.join(packages, 'node_modules', 'x'))
  const wasm = path.join(packages, 'node_modules/@prisma/query-engine-wasm')
  const commit = JSON.parse(fs.readFileSync(path.join(wasm, 'package.json'))).version.split('.').pop()
  if (version) return { version: commit }

  const bindings = await import(pathToFileURL(path.join(packages, 'query_engine_bg.mjs')))
  const module = fs.readFileSync(path.join(wasm, 'postgresql/query_engine_bg.wasm'))
  const { instance } = await WebAssembly.instantiate(module, { './query_engine_bg.js': bindings })
  bindings.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start?.()

  const datamodel = readDatamodel(process.env.PRISMA_DML_PATH)
  const { bindAdapter } = require('@prisma/driver-adapter-utils')
  const { PrismaPg } = require('@prisma/adapter-pg')
  const adapter = bindAdapter(new PrismaPg(makePool(require('pg'))))
  const log = (line) => console.error(`query engine stand-in: ${line}`)
  const options = { datamodel, logLevel: 'error', logQueries: false }
  const engine = new bindings.QueryEngine(options, log, adapter)
  await engine.connect('{}')
  return { engine, graphql: require('graphql'), models: modelsOf(datamodel), version: commit }
}

// The engine reads the same schema as the Python client, told to use a driver adapter, which is a preview
// feature of the JavaScript client alone. What only the Python generator knows goes.
function readDatamodel(file) {
  return fs.readFileSync(file, 'utf8')
    .replace(/provider\s*=\s*"prisma-client-py"/, 'provider = "prisma-client-js"\n  previewFeatures = ["driverAdapters"]')
    .replace(/^\s*(binaryTargets|interface|recursive_type_depth|enable_experimental_decimal)\s*=.*$/mg, '')
}

function makePool(pg) {
  const url = new URL(databaseUrl())
  const max = Number(url.searchParams.get('connection_limit') || 10)
  url.search = '' // Prisma's own parameters
  for (const [from, to] of READ_AS) pg.types.setTypeParser(from, pg.types.getTypeParser(to))
  const plain = pg.Client.prototype.query
  pg.Client.prototype.query = function (...given) {
    const callback = given.at(-1)
    if (typeof callback === 'function') given[given.length - 1] = (error, result) => callback(error, retyped(result))
    const result = plain.apply(this, given)
    return result?.then ? result.then(retyped) : result
  }
  const pool = new pg.Pool({ connectionString: url.href, max })
  // Without a listener an idle connection that the database closes would end the process.
  pool.on('error', (error) => console.error(`query engine stand-in: ${error.message}`))
  return pool
}

function retyped(result) {
  for (const field of result?.fields ?? []) field.dataTypeID = READ_AS.get(field.dataTypeID) ?? field.dataTypeID
  return result
}

function databaseUrl() {
  const overwritten = JSON.parse(process.env.OVERWRITE_DATASOURCES || '[]')
  return overwritten.find((source) => source.url)?.url ?? process.env.DATABASE_URL
}
