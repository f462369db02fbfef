/* The lean C floor: one fsync'd record of the cause, then nothing but the arithmetic of the copies.
 *
 * No matching, reasons, facts, triggers, invariants or indexes: what no engine on this machine can go below.
 * Per copy it writes size, margin, fee and state; cost, orders and bills follow from the batch header on reading.
 */
#include <stdint.h>
#include <unistd.h>

typedef struct {
    int64_t px_ticks, guard_px_ticks, lot_tick_e8, lead_lots, fee_ppm, min_lots;
} Fill;

/* Append the cause and make it durable. 0 if done. */
int floor_append(int fd, const void *record, int64_t bytes) {
    if (write(fd, record, (size_t)bytes) != bytes) return -1;
    return fdatasync(fd);
}

/* Copy one lead fill to n relations; gives the number of copies made. */
int64_t floor_open(const Fill *fill, int64_t n, const int32_t *restrict account, const int8_t *restrict mode,
                   const int64_t *restrict amount, const int32_t *restrict lever, const int64_t *restrict cap,
                   int64_t *restrict used, int64_t *restrict cash, int64_t *restrict in_margin,
                   int64_t *restrict lots, int64_t *restrict margin, int64_t *restrict fee, int8_t *restrict state) {
    const int64_t guard_lot = fill->guard_px_ticks * fill->lot_tick_e8;
    const int64_t lot = fill->px_ticks * fill->lot_tick_e8;
    int64_t made = 0;
    for (int64_t i = 0; i < n; i++) {
        const int32_t a = account[i];
        /* amount holds 1e-8 USDT of margin (mode 0) or a ratio in ppm (mode 1) */
        const int64_t q = mode[i] ? amount[i] * fill->lead_lots / 1000000 : amount[i] * lever[i] / guard_lot;
        const int64_t cost = q * lot;
        const int64_t m = (cost + lever[i] - 1) / lever[i];
        const int64_t f = (cost * fill->fee_ppm + 999999) / 1000000;
        const int ok = q >= fill->min_lots && used[i] + m <= cap[i] && cash[a] - in_margin[a] >= m + f;
        lots[i] = ok ? q : 0;
        margin[i] = ok ? m : 0;
        fee[i] = ok ? f : 0;
        state[i] = (int8_t)ok;
        if (ok) {
            used[i] += m;
            in_margin[a] += m;
            cash[a] -= f;
            made++;
        }
    }
    return made;
}

/* Close every copy at the price it was opened at. */
void floor_close(int64_t n, const int32_t *restrict account, int64_t *restrict used, int64_t *restrict cash,
                 int64_t *restrict in_margin, const int64_t *restrict margin, const int64_t *restrict fee) {
    for (int64_t i = 0; i < n; i++) {
        used[i] -= margin[i];
        in_margin[account[i]] -= margin[i];
        cash[account[i]] -= fee[i];
    }
}
