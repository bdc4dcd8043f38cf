"""Every way to fail has the envelope with its four members, JSON, and the headers that every answer carries."""


async def test_one(site):
    answered = await site.chat()
    assert answered.status == 200, answered.body
    assert not await site.untouched()
    answered = await site.chat(n=0)
    assert answered.error["code"] == "integer_below_min_value"
    assert [r.status for r in await site.records()] == [200]
