import threading
from datetime import UTC, datetime, date
from zoneinfo import ZoneInfo
from challenges.imports import definition_of_text
from declarations.operations import receive
from declarations.publishing import publish_definition
from declarations.rules import Submission, SubmittedLine
from declarations.verification import differences
from foundation.database import db
from foundation.transactions import transaction
AT=datetime(2026,1,10,12,tzinfo=UTC)
FILE=b'code="c"\nname="C"\nstarts_on=2026-01-05\nends_on=2026-02-01\n[[rules]]\nid="u"\ncounts="units"\npoints=1\n'
def sell(person,id="1",**k):
    return receive([Submission(id,person,date(2026,1,10),None,"store",(SubmittedLine("CREME",1,None),))],by=person,at=AT,zone=ZoneInfo("Europe/Paris"),**k)
def test_race(app,cast):
    out=[]
    def other():
        with app.app_context():
            with transaction(): out.append(sell("BRUNO"))
    with transaction():
        publish_definition(definition_of_text(FILE,"f"),by="system",at=AT)
        t=threading.Thread(target=other); t.start(); t.join(5); print("alive",t.is_alive())
    t.join()
    print(out, list(differences()))
