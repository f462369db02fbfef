"""FastAPI as its manual writes it: models in and out, one dependency for the check.

Separate because FastAPI reads annotations at run time from the module.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from bench.candidates.request import PATH, sign


class Order(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    inst_id: str
    td_mode: str
    side: str
    ord_type: str
    sz: str
    px: str = ""
    pos_side: str = ""
    cl_ord_id: str = ""
    tag: str = ""


class Placed(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    ord_id: str
    cl_ord_id: str
    tag: str
    s_code: str
    s_msg: str
    ts: str


class Envelope(BaseModel):
    code: str
    msg: str
    data: list[Placed]


async def checked(
    request: Request,
    ok_access_sign: Annotated[str, Header()],
    ok_access_timestamp: Annotated[str, Header()],
) -> None:
    body = await request.body()
    if sign(ok_access_timestamp, "POST", request.url.path, body).decode() != ok_access_sign:
        raise HTTPException(401)


app = FastAPI()


@app.post(PATH, dependencies=[Depends(checked)])
async def order(body: Order) -> Envelope:
    placed = Placed(
        ord_id="312269865356374016",
        cl_ord_id=body.cl_ord_id,
        tag=body.tag,
        s_code="0",
        s_msg="",
        ts="1763716137715",
    )
    return Envelope(code="0", msg="", data=[placed])
