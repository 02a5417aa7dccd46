import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createDayOf, endOfMonth, monthOf } from './calendar.ts';

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Shanghai',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Africa/Cairo',
  'America/Sao_Paulo',
];

describe('the day of a moment', () => {
  for (const [zone, before, after, day] of [
    ['UTC', '2026-03-01T23:59:59.999Z', '2026-03-02T00:00:00.000Z', '2026-03-02'],
    ['Asia/Kolkata', '2026-03-01T18:29:59.999Z', '2026-03-01T18:30:00.000Z', '2026-03-02'],
    ['Asia/Kathmandu', '2026-03-01T18:14:59.999Z', '2026-03-01T18:15:00.000Z', '2026-03-02'],
    ['Europe/Berlin', '2026-01-31T22:59:59.999Z', '2026-01-31T23:00:00.000Z', '2026-02-01'],
    ['Europe/Berlin', '2026-07-31T21:59:59.999Z', '2026-07-31T22:00:00.000Z', '2026-08-01'],
    ['America/New_York', '2026-01-01T04:59:59.999Z', '2026-01-01T05:00:00.000Z', '2026-01-01'],
    ['Asia/Shanghai', '2028-02-28T15:59:59.999Z', '2028-02-28T16:00:00.000Z', '2028-02-29'],
  ] as const) {
    it(`${day} begins at ${after} in ${zone}`, () => {
      const dayOf = createDayOf(zone);
      assert.notEqual(dayOf(Date.parse(before)), day);
      assert.equal(dayOf(Date.parse(after)), day);
    });
  }

  it('is one day however long it is: 23 and 25 hours where clocks change', () => {
    const dayOf = createDayOf('Europe/Berlin');
    for (const [day, start, end] of [
      ['2026-03-29', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
      ['2026-10-25', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z'],
    ] as const) {
      for (let at = Date.parse(start); at < Date.parse(end); at += 900_000) assert.equal(dayOf(at), day);
      assert.notEqual(dayOf(Date.parse(start) - 1), day);
      assert.notEqual(dayOf(Date.parse(end)), day);
    }
  });

  it('is what Intl says, in any zone, in any order of moments, whatever was remembered', () => {
    const near = fc.integer({ min: -2_000_000, max: 2_000_000 });
    const moment = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2050, 0, 1) });
    fc.assert(
      fc.property(fc.constantFrom(...zones), moment, fc.array(near, { maxLength: 20 }), (zone, at, steps) => {
        const dayOf = createDayOf(zone);
        const parts = new Intl.DateTimeFormat('en', {
          timeZone: zone,
          calendar: 'gregory',
          year: 'numeric',
          month: '2-digit',
          day: '2-digit',
        });
        for (const time of [at, ...steps.map((step) => at + step)]) {
          const { year, month, day } = Object.fromEntries(
            parts.formatToParts(time).map(({ type, value }) => [type, value]),
          );
          assert.equal(dayOf(time), `${year}-${month}-${day}`);
        }
      }),
    );
  });

  it('is refused for a zone that is none', () => {
    assert.throws(() => createDayOf('Mars/Olympus'), RangeError);
  });
});

describe('the end of a month', () => {
  for (const [zone, month, end] of [
    ['UTC', '2026-11', '2026-12-01T00:00:00.000Z'],
    ['UTC', '2026-12', '2027-01-01T00:00:00.000Z'],
    ['Asia/Shanghai', '2028-02', '2028-02-29T16:00:00.000Z'],
    ['Asia/Kathmandu', '2026-03', '2026-03-31T18:15:00.000Z'],
    ['America/New_York', '2026-10', '2026-11-01T04:00:00.000Z'],
    ['Pacific/Kiritimati', '2026-06', '2026-06-30T10:00:00.000Z'],
  ] as const) {
    it(`${month} ends in ${zone} at ${end}`, () =>
      assert.equal(new Date(endOfMonth(month, createDayOf(zone))).toISOString(), end));
  }

  it('is the first moment of the next, in every zone', () => {
    for (const zone of zones) {
      const dayOf = createDayOf(zone);
      for (const month of ['2026-02', '2026-03', '2026-09', '2026-10', '2026-12']) {
        const end = endOfMonth(month, dayOf);
        assert.equal(monthOf(dayOf(end - 1)), month, zone);
        assert.ok(monthOf(dayOf(end)) > month, zone);
      }
    }
  });
});
