// Opens the pages of `rollcall serve` in a real browser, in every way in which people read
// them, and prints what is wrong. BASE_URL serves people, snapshots and changes, REFUSED_URL
// a tenant that refuses to be read. SCREENSHOTS names a folder for pictures, if any.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const base = process.env.BASE_URL
const refused = process.env.REFUSED_URL
const pictures = process.env.SCREENSHOTS
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const wrong = []
let where = ''

function expect(holds, what) {
  if (!holds) wrong.push(`${where}: ${what}`)
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] })

// open returns a page that reports whatever the browser complains about: the policy, scripts,
// requests that go elsewhere.
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  const page = await context.newPage()
  page.on('console', message => {
    if (message.type() === 'error' && !/status of [45]\d\d/.test(message.text())) expect(false, `the console says ${message.text()}`)
  })
  page.on('pageerror', error => expect(false, `a script failed: ${error}`))
  page.on('dialog', dialog => {
    expect(false, 'a name ran as a script')
    dialog.dismiss()
  })
  page.on('request', request => {
    if (!request.url().startsWith(base + '/') && !request.url().startsWith(refused + '/')) expect(false, `it asked for ${request.url()}`)
  })
  return page
}

async function go(page, path) {
  return page.goto(path.startsWith('http') ? path : base + path, { waitUntil: 'load' })
}

// accessible has axe look at a page, which takes scripts, and finds the same in every mode but
// for colours and sizes.
async function accessible(page, look = true) {
  if (!look) return
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
  for (const v of violations) expect(false, `axe: ${v.id}, ${v.help}: ${v.nodes.slice(0, 2).map(n => n.html.slice(0, 160)).join(' | ')}`)
}

async function withinTheWindow(page) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth])
  expect(content <= window, `the page is ${content} px wide in a window of ${window}`)
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: join(pictures, name + '.png') })
}

async function until(holds, milliseconds) {
  const end = Date.now() + milliseconds
  while (Date.now() < end) {
    if (await holds()) return true
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  return false
}

const views = {
  people: '/', search: '/find?q=a', columns: '/users?$select=' + encodeURIComponent('displayName,mail,createdDateTime,employeeId,onPremisesSyncEnabled,givenName,surname,companyName,jobTitle'),
  filter: '/users?$filter=' + encodeURIComponent("userType eq 'Guest'"), sorted: '/users?$orderby=displayName%20desc', nobody: '/find?q=zzzzzzzz',
  check: '/check', snapshots: '/snapshots', changes: '/changes?live=no', invalid: '/users?$filter=nonsense', absent: '/nothing', refused: refused + '/users',
}

const modes = {
  light: {}, dark: { colorScheme: 'dark' }, phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  'no script': { javaScriptEnabled: false }, 'large text': { large: true }, 'forced colours': { forcedColors: 'active' }, 'small phone': { viewport: { width: 320, height: 568 } },
}

for (const [mode, { large, ...options }] of Object.entries(modes)) {
  const looked = !['no script', 'forced colours', 'small phone'].includes(mode)
  const page = await open(options)
  for (const [view, path] of Object.entries(views)) {
    where = `${view}, ${mode}`
    const response = await go(page, path)
    const status = { invalid: 400, absent: 404, refused: 502 }[view] ?? 200
    expect(response.status() === status, `status ${response.status()}`)
    if (large) await page.evaluate(() => { document.documentElement.style.fontSize = '200%' })
    expect(await page.locator('main h1').count() === 1, 'there is not one heading')
    expect(await page.locator('header').count() === 1 && await page.locator('nav').count() >= 1, 'a landmark is missing')
    await withinTheWindow(page)
    await accessible(page, looked)
    await picture(page, `${view} ${mode}`.replaceAll(' ', '-'))
  }
  where = `a person, ${mode}`
  await go(page, '/users')
  await page.locator('tbody th a').first().click()
  await page.waitForURL(/\/users\/[0-9a-f-]{36}$/)
  await withinTheWindow(page)
  await accessible(page, looked)
  await picture(page, `person ${mode}`.replaceAll(' ', '-'))
  await page.context().close()
}

where = 'a table'
{
  const page = await open()
  await go(page, '/users?$orderby=displayName%20desc')
  expect(await page.locator('thead th[scope=col]').count() === await page.locator('thead th').count(), 'a heading has no scope')
  expect(await page.locator('tbody th[scope=row]').count() === 50, 'rows have no headings')
  expect((await page.locator('caption').innerText()).startsWith('People 1 to 50 of'), 'the caption does not say what it is')
  expect(await page.locator('th[aria-sort=descending]').count() === 1, 'the order is not announced')
  await page.getByRole('link', { name: 'Next page' }).click()
  expect((await page.locator('caption').innerText()).startsWith('People 51 to 100 of'), 'the next page does not go on')
  expect(await page.locator('th[aria-sort=descending]').count() === 1, 'the next page has lost the order')
  await page.getByText('Columns and filter').click()
  await page.getByLabel('Job title').uncheck()
  await page.getByLabel('Employee ID').check()
  await page.getByRole('textbox', { name: 'Filter' }).fill("userType eq 'Member'")
  await page.getByRole('button', { name: 'Show' }).click()
  const headings = await page.locator('thead th').allInnerTexts()
  expect(headings.some(h => h.includes('Employee ID')) && !headings.some(h => h.includes('Job title')), `the columns are ${headings}`)
  expect(new URL(page.url()).searchParams.get('$filter') === "userType eq 'Member'", 'the filter is lost')
  await page.context().close()
}

where = 'the keyboard'
{
  const page = await open()
  await go(page, '/users')
  await page.keyboard.press('Tab')
  expect(await page.evaluate(() => document.activeElement.textContent) === 'Skip to the content', 'the first stop is no way to the content')
  await page.keyboard.press('Enter')
  expect(await page.evaluate(() => document.activeElement.id) === 'main', 'it does not lead to the content')
  await page.keyboard.press('Tab')
  expect(await page.evaluate(() => document.activeElement.id) === 'q', 'the search does not come next')
  expect(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle) !== 'none', 'nothing shows where one is')
  await page.keyboard.type('olivia')
  await page.keyboard.press('Enter')
  await page.waitForURL(/search/)
  expect(await page.locator('tbody tr').count() >= 1, 'nobody is found')
  expect(await page.locator('#q').inputValue() === 'olivia', 'the words are lost')
  await page.context().close()
}

where = 'downloads'
for (const javaScriptEnabled of [true, false]) {
  const page = await open({ javaScriptEnabled })
  await go(page, '/users?$select=displayName,id')
  for (const [label, file, begins] of [['Excel', 'users.xlsx', 'PK'], ['CSV for spreadsheets', 'users.csv', '\ufeffdisplayName,id\n'], ['CSV', 'users.csv', 'displayName,id\n'], ['NDJSON', 'users.ndjson', '{']]) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: label, exact: true }).click()])
    const body = await readFile(await download.path(), 'utf8')
    expect(download.suggestedFilename() === file, `${label} is called ${download.suggestedFilename()}`)
    expect(body.startsWith(begins), `${label} begins with ${JSON.stringify(body.slice(0, 30))}`)
    if (label === 'CSV for spreadsheets') expect([...body.matchAll(/("(?:[^"]|"")*"|[^",\n]*)(?:,|\n|$)/g)].every(cell => !/^"?[=+@\t\r-]/.test(cell[1])), 'a cell is a formula')
    if (label === 'NDJSON') expect(body.trimEnd().split('\n').at(-1).startsWith('{"@rollcall.complete":true,"@rollcall.verified":true'), 'it does not end as complete')
  }
  await page.context().close()
}

where = 'names of strangers'
{
  const page = await open()
  await go(page, '/users?$top=500')
  expect(await page.locator('tbody tr').count() > 100, 'not everybody is there')
  const addresses = await page.locator('main a').evaluateAll(all => all.map(a => a.href))
  expect(addresses.every(a => a.startsWith(base + '/')), 'a link leads elsewhere')
  expect(!/[\u202a-\u202e\u2066-\u2069\u200b]/.test(await page.locator('main').innerText()), 'a name turns the direction of the text')
  await withinTheWindow(page)
  await page.context().close()
}

where = 'changes'
{
  const page = await open()
  await go(page, '/changes')
  const total = async () => Number((await page.locator('.kinds a').first().locator('span').innerText()).replaceAll(',', ''))
  let loads = 0
  page.on('load', () => loads++)
  const before = await total()
  expect(await until(async () => await total() > before, 30000), 'nothing comes')
  expect(loads === 0, 'the page was loaded again, and not kept up to date')
  expect(await until(async () => /new change/.test(await page.locator('#said').innerText()), 30000), 'it is not announced')
  await accessible(page)
  await page.getByRole('link', { name: 'Pause' }).click()
  const paused = await total()
  await new Promise(resolve => setTimeout(resolve, 4000))
  expect(await total() === paused, 'it goes on though it is paused')
  await page.getByRole('link', { name: 'Go on' }).click()
  expect(await until(async () => await total() > paused, 30000), 'it does not go on')
  await page.context().close()

  where = 'changes without scripts'
  const plain = await open({ javaScriptEnabled: false })
  await go(plain, '/changes')
  const first = await plain.locator('.kinds a').first().innerText()
  expect(await until(async () => await plain.locator('.kinds a').first().innerText().catch(() => first) !== first, 30000), 'the page does not load itself again')
  await plain.context().close()

  where = 'changes with little motion'
  for (const [reducedMotion, moves] of [['reduce', 'none'], ['no-preference', 'arrive']]) {
    const still = await open({ reducedMotion })
    await go(still, '/changes')
    expect(await until(async () => await still.locator('tr.fresh').count() > 0, 30000), 'nothing comes')
    expect(await still.locator('tr.fresh').first().evaluate(row => getComputedStyle(row).animationName) === moves, `${reducedMotion} is not heeded`)
    await still.context().close()
  }
}

where = 'print'
{
  const page = await open()
  await go(page, '/users')
  await page.emulateMedia({ media: 'print' })
  expect(!await page.locator('.find').isVisible() && !await page.locator('.downloads').isVisible() && await page.locator('table').isVisible(), 'it prints what is of no use on paper')
  await picture(page, 'print')
  await page.context().close()
}

where = 'a failure'
{
  const page = await open()
  await go(page, refused + '/users')
  const said = await page.locator('main').innerText()
  for (const part of ['Graph refuses access', 'Graph.AccessDenied', 'User.Read.All', 'Request id', 'rollcall doctor']) expect(said.includes(part), `it does not say ${part}`)
  expect(await page.getByRole('link', { name: 'Try again' }).getAttribute('href') === '/users', 'it does not lead to another try')
  await page.context().close()
}

// Another site, in the same browser.
where = 'another site'
{
  const site = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end(`<!doctype html><title>another site</title><a href="${base}/users">people</a><iframe src="${base}/users"></iframe><script src="${base}/users"></script>`)
  })
  await new Promise(resolve => site.listen(0, '127.0.0.1', resolve))
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(`http://localhost:${site.address().port}/`)
  const got = await page.evaluate(async address => {
    const attempts = await Promise.allSettled([fetch(address), fetch(address, { mode: 'no-cors' }).then(r => r.text())])
    return attempts.map(a => (a.status === 'fulfilled' ? String(a.value) : ''))
  }, base + '/users')
  expect(got.every(text => text === ''), `it has read ${JSON.stringify(got)}`)
  const framed = page.frames().find(f => f !== page.mainFrame())
  expect(!(await framed.content().catch(() => '')).includes('<table'), 'people are shown in a frame')
  await page.getByRole('link', { name: 'people' }).click()
  const said = await page.locator('main').innerText()
  expect(said.includes('This link came from another site') && !said.includes('@'), 'a link of another site leads to people')
  await page.getByRole('link', { name: 'All people' }).click()
  expect(await page.locator('tbody tr').count() === 50, 'and there is no way from there')
  await context.close()
  site.close()
}

await browser.close()
console.log(JSON.stringify(wrong))
