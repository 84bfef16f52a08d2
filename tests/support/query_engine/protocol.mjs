// GraphQL, which Prisma's Python client speaks, from and to the engine's JSON protocol. No input or output.

// The operations, longest first where one begins like another.
const ACTIONS = [
  'findUniqueOrThrow', 'findUnique', 'findFirstOrThrow', 'findFirst', 'findMany', 'createOne',
  'createManyAndReturn', 'createMany', 'updateOne', 'updateMany', 'deleteOne', 'deleteMany',
  'upsertOne', 'aggregate', 'groupBy',
]
const RAW = ['queryRaw', 'executeRaw']
// Filters and writes whose value, for a Json field, is JSON too.
const OF_JSON = [
  'set', 'equals', 'not', 'array_contains', 'array_starts_with', 'array_ends_with', 'gt', 'gte', 'lt', 'lte',
]

// Return {model: {field: type}} of a schema.
export function modelsOf(datamodel) {
  const models = {}
  for (const [, name, body] of datamodel.matchAll(/^model\s+(\w+)\s*\{([\s\S]*?)^\}/mg)) {
    const fields = body.matchAll(/^\s*(\w+)\s+(\w+)(?:\[\]|\?)?/mg)
    models[name] = Object.fromEntries([...fields].map(([, field, type]) => [field, type]))
  }
  return models
}

// Return the request for the one operation of a GraphQL text, and the name its answer goes by.
export function toRequest(graphql, text, models) {
  const field = graphql.parse(text, { noLocation: true }).definitions[0].selectionSet.selections[0]
  const name = field.name.value
  const alias = field.alias?.value ?? name
  if (RAW.includes(name)) {
    return { alias, request: { action: name, query: { arguments: argumentsOf(field), selection: {} } } }
  }
  const [modelName, action] = modelAndAction(name)
  const query = {
    arguments: typed(argumentsOf(field), modelName, models),
    selection: selectionOf(field.selectionSet, modelName, models),
  }
  return { alias, request: { modelName, action, query } }
}

function modelAndAction(name) {
  const inside = /^(findUnique|findFirst)(.+)OrThrow$/.exec(name) // the Python client has the model within
  if (inside) return [inside[2], `${inside[1]}OrThrow`]
  const action = ACTIONS.find((known) => name.startsWith(known))
  if (!action) throw new Error(`the stand-in knows no operation ${name}`)
  return [name.slice(action.length), action]
}

function argumentsOf(node) {
  return Object.fromEntries((node.arguments ?? []).map((given) => [given.name.value, valueOf(given.value)]))
}

function valueOf(node) {
  switch (node.kind) {
    case 'IntValue': {
      const number = Number(node.value)
      return Number.isSafeInteger(number) ? number : { $type: 'BigInt', value: node.value }
    }
    case 'FloatValue': return Number(node.value)
    case 'NullValue': return null
    case 'ListValue': return node.values.map(valueOf)
    case 'ObjectValue': return Object.fromEntries(node.fields.map((field) => [field.name.value, valueOf(field.value)]))
    case 'StringValue': case 'EnumValue': case 'BooleanValue': return node.value
    default: throw new Error(`the stand-in knows no GraphQL value ${node.kind}`)
  }
}

function selectionOf(set, model, models) {
  const selection = {}
  for (const field of set?.selections ?? []) {
    const type = models[model]?.[field.name.value]
    const inner = models[type] ? type : model
    selection[field.name.value] = field.selectionSet || field.arguments?.length
      ? { arguments: typed(argumentsOf(field), inner, models), selection: selectionOf(field.selectionSet, inner, models) }
      : true
  }
  return selection
}

// GraphQL takes the type of a string from the schema, the JSON protocol from its form: say so of Json fields.
function typed(value, model, models) {
  if (Array.isArray(value)) return value.map((item) => typed(item, model, models))
  if (!isObject(value) || value.$type) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => {
    const type = models[model]?.[name]
    if (type !== 'Json') return [name, typed(inner, models[type] ? type : model, models)]
    if (!isObject(inner)) return [name, asJson(inner)]
    return [name, Object.fromEntries(Object.entries(inner).map(([key, part]) => [key, OF_JSON.includes(key) ? asJson(part) : part]))]
  }))
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value)

function asJson(value) {
  if (Array.isArray(value)) return value.map(asJson)
  return typeof value === 'string' ? { $type: 'Json', value } : value
}

// Return the engine's result of a request as the Python client reads it.
export function answer(result, alias, request) {
  if (result.errors) return { errors: result.errors, data: null }
  const data = Object.values(result.data)[0]
  return { data: { [alias]: RAW.includes(request.action) ? rawAnswer(data) : plain(data) } }
}

function plain(value) {
  if (Array.isArray(value)) return value.map(plain)
  if (!isObject(value)) return value
  if (typeof value.$type === 'string' && 'value' in value) return value.$type === 'BigInt' ? String(value.value) : value.value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
}

function rawAnswer(data) {
  if (!data?.columns) return data
  const rows = data.rows.map((row) => row.map((value, at) => (data.types[at] === 'json' ? parsed(value) : value)))
  if (process.env.ENGINE_RAW !== 'legacy') return { ...data, rows }
  return rows.map((row) => Object.fromEntries(row.map((value, at) => [data.columns[at], legacy(value, data.types[at])])))
}

// The native engine gives a JSON column as JSON, this build as text.
function parsed(value) {
  try {
    return typeof value === 'string' ? JSON.parse(value) : value
  } catch {
    return value
  }
}

// As engines before 5.14 had it, and prisma 0.11 reads it.
function legacy(value, type) {
  if (value === null) return { prisma__type: 'null', prisma__value: null }
  if (!type.endsWith('-array')) return { prisma__type: type, prisma__value: value }
  const items = value.map((item) => ({ prisma__type: type.replace('-array', ''), prisma__value: item }))
  return { prisma__type: 'array', prisma__value: items }
}
