// SPDX-License-Identifier: GPL-2.0-or-later
// Xen Orchestra's client library, over both of its transports: connect, see all objects arrive and
// change through events, call, follow a task to its end.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createClient } from 'xen-api'

const { XAPI_URL, XAPI_USER, XAPI_PASSWORD } = process.env

for (const transport of ['json-rpc', 'xml-rpc']) {
  describe(`xen-api over ${transport}`, () => {
    let xapi

    before(async () => {
      xapi = createClient({
        url: XAPI_URL,
        auth: { user: XAPI_USER, password: XAPI_PASSWORD },
        allowUnauthorized: true,
        transport,
        debounce: 0,
      })
      await xapi.connect()
      await xapi.objectsFetched
    })

    after(() => xapi.disconnect())

    it('sees the pool, the host and the templates', () => {
      assert.equal(xapi.pool.$type, 'pool')
      assert.equal(xapi.pool.$master.$type, 'host')
      const types = new Set(Object.values(xapi.objects.all).map(object => object.$type))
      for (const type of ['pool', 'host', 'VM', 'SR', 'network', 'PIF', 'PBD']) {
        assert.ok(types.has(type), `no object of type ${type}`)
      }
    })

    it('has the same records by calls and by events', async () => {
      const records = await xapi.call('VM.get_all_records')
      for (const [ref, record] of Object.entries(records)) {
        assert.equal(xapi.getObjectByRef(ref).uuid, record.uuid)
      }
    })

    it('sees a change after a barrier', async () => {
      const { $ref } = xapi.pool.$master
      await xapi.setFieldEntry('host', $ref, 'other_config', 'client-test', transport)
      const host = await xapi.barrier($ref)
      assert.equal(host.other_config['client-test'], transport)
      await xapi.setFieldEntry('host', $ref, 'other_config', 'client-test', null)
      assert.equal((await xapi.barrier($ref)).other_config['client-test'], undefined)
    })

    it('follows a task to its result', async () => {
      const [template] = Object.values(xapi.objects.all).filter(
        object => object.$type === 'VM' && object.is_a_template
      )
      const clone = await xapi.callAsync('VM.clone', template.$ref, 'a clone')
      assert.match(clone, /^OpaqueRef:/)
      assert.equal((await xapi.barrier(clone)).name_label, 'a clone')
      await xapi.call('VM.destroy', clone)
      await xapi.barrier()
      assert.equal(xapi.getObject(clone, undefined), undefined)
    })

    it('passes on why a task failed', async () => {
      await assert.rejects(xapi.callAsync('VM.start', 'OpaqueRef:nobody', false, false), error => {
        assert.equal(error.code, 'HANDLE_INVALID')
        assert.deepEqual(error.params, ['VM', 'OpaqueRef:nobody'])
        return true
      })
    })

    it('sees a virtual machine start and stop', async () => {
      const template = Object.values(xapi.objects.all).find(
        object => object.$type === 'VM' && object.is_default_template
      )
      const vm = await xapi.callAsync('VM.clone', template.$ref, 'runs')
      await xapi.call('VM.set_is_a_template', vm, false)
      await xapi.callAsync('VM.start', vm, false, false)
      assert.equal((await xapi.barrier(vm)).power_state, 'Running')
      await xapi.callAsync('VM.hard_shutdown', vm)
      assert.equal((await xapi.barrier(vm)).power_state, 'Halted')
      await xapi.callAsync('VM.destroy', vm)
    })
  })
}

describe('xen-api', () => {
  it('is refused with a wrong password', async () => {
    const xapi = createClient({
      url: XAPI_URL,
      auth: { user: XAPI_USER, password: 'not it' },
      allowUnauthorized: true,
      watchEvents: false,
    })
    await assert.rejects(xapi.connect(), { code: 'SESSION_AUTHENTICATION_FAILED' })
  })
})
