// Keeps the view of changes up to date: the server says that there is something new, and the
// page reads itself again. Without scripts the page reloads every ten seconds.
'use strict'

const said = document.getElementById('said')
let source = null
let busy = false
let again = false

async function refresh() {
  if (busy) {
    again = true
    return
  }
  busy = true
  again = false
  try {
    const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, cache: 'no-store' })
    if (!answer.ok) throw new Error(answer.status)
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('live')
    const live = document.getElementById('live')
    if (fresh && live) replace(live, fresh)
  } catch {
    said.textContent = 'The server does not answer. This page may be out of date.'
  } finally {
    busy = false
    if (again) refresh()
  }
}

function replace(live, fresh) {
  const last = Number(live.dataset.last)
  const news = Number(fresh.dataset.last) - last
  for (const row of fresh.querySelectorAll('tr[data-number]')) {
    if (Number(row.dataset.number) > last) row.classList.add('fresh')
  }
  const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute('href') || document.activeElement.className : ''
  const left = live.querySelector('.scroll')?.scrollLeft ?? 0
  live.replaceWith(fresh)
  const region = fresh.querySelector('.scroll')
  if (region) region.scrollLeft = left
  if (focused) [...fresh.querySelectorAll('a, .scroll')].find(e => (e.getAttribute('href') || e.className) === focused)?.focus({ preventScroll: true })
  said.textContent = news > 0 ? (news === 1 ? 'One new change' : news + ' new changes') : ''
}

function listen() {
  const events = document.getElementById('live')?.dataset.events
  if (!events || source) return
  source = new EventSource(events)
  source.addEventListener('change', refresh)
  source.addEventListener('open', refresh)
  source.addEventListener('error', () => {
    said.textContent = 'The server does not answer. This page may be out of date.'
    if (source?.readyState === EventSource.CLOSED) {
      source = null
      setTimeout(listen, 10000)
    }
  })
}

// A browser has few connections to one server: a page that nobody sees takes none.
function attend() {
  if (document.visibilityState === 'visible') {
    listen()
  } else {
    source?.close()
    source = null
  }
}

document.addEventListener('visibilitychange', attend)
attend()
