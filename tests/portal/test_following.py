"""x"""
import pytest

import tests.declarations.stage as st
from foundation import clock
from tests.browser.stage import *
from tests.declarations.stage import *


@pytest.fixture(autouse=True)
def at_noon(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)
def test_smoke(client, cast):
    ch = st.publish(budget=10, rules=[{"id":"p","counts":"units","points":10},{"id":"m","counts":"milestone","measure":"units","at":2,"points":5}], payouts=[{"kind":"rank","from":1,"to":2,"wallet":500},{"kind":"race","points":10,"first":1,"wallet":5},{"kind":"convert","every":1,"into":1}], league_by="region")
    with transaction(): ch.state="running"
    sell("AWA"); sell("BRUNO",[("CREME",2000)],name="b2")
    client.sign_in(cast.marc)
    for p in ("/studio","/studio?q=hiv&state=running","/studio/hiver","/studio/hiver/silent?region=Bretagne","/studio/hiver/history","/studio/hiver/announcements","/notices","/"):
        a = client.get(p); print(p, a.status_code, len(a.text)); assert a.status_code==200
        import html
        import re
        print(" ".join(html.unescape(re.sub(r"<[^>]+>"," ",a.text.split("<main")[1])).split())[:2500])
    d={"segment":"not_declared","subject":"Coucou","text":"Bonjour\nà vous","seen":"0"}
    a=client.post("/studio/hiver/announcements",data=d); print(a.status_code); assert "Relire" in a.text
    a=client.post("/studio/hiver/announcements",data=d|{"act":"send"}); print(a.status_code, a.location)
    a=client.post("/studio/hiver/announcements",data=d|{"act":"send"}); print(a.status_code, a.location)
    client.sign_in(cast.nina)
    a=client.get("/notices"); print(a.text[:200]); assert "Coucou" in a.text
    a=client.get("/notices/2"); assert a.status_code==200
