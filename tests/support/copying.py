"""A lead trader and copiers on a floor, for tests of what they see."""

from tests.support.floor import Floor

SWAP = "BTC-USDT-SWAP"


class Desk:
    """One lead trader in BTC, prices standing at 100,000."""

    def __init__(self, lead_usdt: int = 100_000) -> None:
        self.floor = Floor()
        self.lead = self.floor.open_account("Ada", lead_usdt)
        self.floor.tick(BTC_USDT_SWAP="100000", ETH_USDT_SWAP="2500", BTC_USDT="100000")
        self.floor.post("copytrading/apply-lead-trading", self.lead, instId=SWAP)
        self.code = self.floor.code(self.lead)

    def copier(self, name: str, usdt: int = 10_000, **settings: str) -> int:
        """Open an account that copies the lead trader with half his size."""
        row = self.floor.open_account(name, usdt)
        self.follow(row, **settings)
        return row

    def follow(self, account_row: int, **settings: str) -> None:
        """Let an account copy the lead trader."""
        given = {
            "uniqueCode": self.code,
            "copyMgnMode": "cross",
            "copyInstIdType": "copy",
            "copyMode": "ratio_copy",
            "copyRatio": "0.5",
            "copyTotalAmt": "30000",
            **settings,
        }
        self.floor.post("copytrading/first-copy-settings", account_row, **given)

    def trade(self, account_row: int, side: str, sz: str, **more: str) -> str:
        """Trade BTC at market and give the order's id."""
        given = {"instId": SWAP, "tdMode": "cross", "side": side, "ordType": "market", "sz": sz}
        row = self.floor.post("trade/order", account_row, **{**given, **more})[0]
        return str(row["ordId"])

    def stop(self, account_row: int, how: str) -> None:
        """Stop copying."""
        self.floor.post(
            "copytrading/stop-copy-trading",
            account_row,
            uniqueCode=self.code,
            subPosCloseType=how,
        )
