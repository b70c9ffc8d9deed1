/* The floor of the moons benchmark: mean-field ADVI written for one network, on one core.
 *
 * Network 2-5-5-1, tanh, no biases, N(0, 1) priors, Bernoulli logits. Every step uses all rows and one reparameterised
 * draw, the entropy in closed form, and Adam on (mean, log sd) of the 40 weights.
 *
 *     cc -O3 -march=native -ffast-math -o floor floor.c -lm
 *     ./floor DATA STEPS FITS     DATA: int32 rows, then float32 x0[rows], x1[rows], y[rows] (features first)
 *     ./floor --check             largest errors of the float functions and of the gradient
 *
 * Prints one line a fit: seconds, mean ELBO estimate of the last 1,000 steps (nats), and the last parameters' checksum.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INPUTS 2
#define HIDDEN 5
#define WEIGHTS (HIDDEN * INPUTS + HIDDEN * HIDDEN + HIDDEN)
#define BLOCK 128 /* rows at a time: a block's activations stay in the first-level cache */
#define MAX_ROWS 4096
#define TAIL 1000
#define ALIGNED __attribute__((aligned(64)))

static const float LOG_2 = 0.69314718f, LOG_2_PI = 1.83787707f;
static const float RATE = 1e-2f, DECAY_1 = 0.9f, DECAY_2 = 0.999f, TINY = 1e-8f;

/* ---- random numbers: xoshiro256+ and Box-Muller ---- */

static uint64_t state[4];

static void seed_state(uint64_t seed) {
    for (int i = 0; i < 4; i++) { /* splitmix64 */
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        state[i] = z ^ (z >> 31);
    }
}

static inline uint64_t next(void) {
    const uint64_t result = state[0] + state[3], t = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= t;
    state[3] = (state[3] << 45) | (state[3] >> 19);
    return result;
}

static void normals(float *out, int count) {
    for (int i = 0; i < count; i += 2) {
        const uint64_t bits = next();
        const float u = ((float)(bits >> 40) + 0.5f) * 0x1p-24f;            /* (0, 1) */
        const float angle = (float)((bits >> 16) & 0xffffff) * (6.28318531f * 0x1p-24f);
        const float radius = sqrtf(-2.0f * logf(u));
        out[i] = radius * cosf(angle);
        if (i + 1 < count) out[i + 1] = radius * sinf(angle);
    }
}

/* ---- float functions without branches, so that the compiler vectorises their loops ---- */

static inline float exp_of(float x) { /* -87 < x <= 0 is all that is asked of it */
    x = x < -87.0f ? -87.0f : x;
    const int32_t n = (int32_t)(x * 1.44269504f - 0.5f); /* nearest integer, for x <= 0 */
    const float r = (x - (float)n * 0.693359375f) + (float)n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const uint32_t bits = (uint32_t)(n + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

static inline float log1p_of(float u) { /* 0 <= u <= 1: 2 atanh(u / (2 + u)) */
    const float s = u / (2.0f + u), q = s * s;
    float p = 1.0f / 15;
    p = p * q + 1.0f / 13;
    p = p * q + 1.0f / 11;
    p = p * q + 1.0f / 9;
    p = p * q + 1.0f / 7;
    p = p * q + 1.0f / 5;
    p = p * q + 1.0f / 3;
    return 2.0f * s * (p * q + 1.0f);
}

static inline float tanh_of(float x) { /* odd/even rational minimax (13, 6) */
    x = x > 7.905311f ? 7.905311f : x;
    x = x < -7.905311f ? -7.905311f : x;
    const float q = x * x;
    float p = -2.76076847742355e-16f;
    p = p * q + 2.00018790482477e-13f;
    p = p * q - 8.60467152213735e-11f;
    p = p * q + 5.12229709037114e-08f;
    p = p * q + 1.48572235717979e-05f;
    p = p * q + 6.37261928875436e-04f;
    p = p * q + 4.89352455891786e-03f;
    float d = 1.19825839466702e-06f;
    d = d * q + 1.18534705686654e-04f;
    d = d * q + 2.26843463243900e-03f;
    d = d * q + 4.89352518554385e-03f;
    return x * p / d;
}

/* ---- the log-likelihood and its gradient ---- */

static float inputs[INPUTS][MAX_ROWS] ALIGNED, sign[MAX_ROWS] ALIGNED; /* sign: 1 - 2 y; 0 in padding rows */
static int rows, padded;

/* One block of rows: adds to the gradient of -log-likelihood by the weights, and returns -log-likelihood. */
static float block(int from, const float *restrict w1, const float *restrict w2, const float *restrict w3,
                   float *restrict gradient) {
    static float a[HIDDEN][BLOCK] ALIGNED, b[HIDDEN][BLOCK] ALIGNED, da[HIDDEN][BLOCK] ALIGNED;
    static float db[HIDDEN][BLOCK] ALIGNED, dz[BLOCK] ALIGNED;
    const float *restrict x0 = inputs[0] + from, *restrict x1 = inputs[1] + from, *restrict sg = sign + from;
    float loss = 0;
    for (int i = 0; i < HIDDEN; i++)
        for (int r = 0; r < BLOCK; r++) a[i][r] = tanh_of(w1[2 * i] * x0[r] + w1[2 * i + 1] * x1[r]);
    for (int i = 0; i < HIDDEN; i++) {
        const float *w = w2 + HIDDEN * i;
        for (int r = 0; r < BLOCK; r++)
            b[i][r] = tanh_of(w[0] * a[0][r] + w[1] * a[1][r] + w[2] * a[2][r] + w[3] * a[3][r] + w[4] * a[4][r]);
    }
    for (int r = 0; r < BLOCK; r++) {
        const float z = w3[0] * b[0][r] + w3[1] * b[1][r] + w3[2] * b[2][r] + w3[3] * b[3][r] + w3[4] * b[4][r];
        const float t = sg[r] * z, size = fabsf(t), u = exp_of(-size);
        loss += 0.5f * (t + size) + log1p_of(u); /* softplus(t) */
        dz[r] = sg[r] * (t > 0 ? 1.0f : u) / (1.0f + u);
    }
    for (int i = 0; i < HIDDEN; i++) {
        float sum = 0;
        for (int r = 0; r < BLOCK; r++) {
            sum += dz[r] * b[i][r];
            db[i][r] = dz[r] * w3[i] * (1.0f - b[i][r] * b[i][r]);
        }
        gradient[HIDDEN * (INPUTS + HIDDEN) + i] += sum;
    }
    for (int i = 0; i < HIDDEN; i++) {
        float s0 = 0, s1 = 0;
        for (int r = 0; r < BLOCK; r++) {
            const float back = w2[i] * db[0][r] + w2[5 + i] * db[1][r] + w2[10 + i] * db[2][r] + w2[15 + i] * db[3][r] +
                               w2[20 + i] * db[4][r];
            da[i][r] = back * (1.0f - a[i][r] * a[i][r]);
            s0 += da[i][r] * x0[r];
            s1 += da[i][r] * x1[r];
        }
        gradient[2 * i] += s0;
        gradient[2 * i + 1] += s1;
    }
    for (int i = 0; i < HIDDEN; i++) {
        float s[HIDDEN] = {0};
        for (int r = 0; r < BLOCK; r++)
            for (int j = 0; j < HIDDEN; j++) s[j] += db[i][r] * a[j][r];
        for (int j = 0; j < HIDDEN; j++) gradient[HIDDEN * (INPUTS + i) + j] += s[j];
    }
    return loss;
}

/* log p(y, w) up to nothing: the log-likelihood plus the log prior; fills the gradient of its negative. */
static float log_joint(const float *restrict w, float *restrict gradient) {
    float loss = -(float)(padded - rows) * LOG_2; /* padding rows have logit 0: they add log 2 and no gradient */
    memset(gradient, 0, WEIGHTS * sizeof *gradient);
    for (int from = 0; from < padded; from += BLOCK)
        loss += block(from, w, w + HIDDEN * INPUTS, w + HIDDEN * (INPUTS + HIDDEN), gradient);
    float squares = 0;
    for (int i = 0; i < WEIGHTS; i++) {
        squares += w[i] * w[i];
        gradient[i] += w[i];
    }
    return -loss - 0.5f * squares - 0.5f * WEIGHTS * LOG_2_PI;
}

/* ---- the fit ---- */

typedef struct {
    float value[WEIGHTS], first[WEIGHTS], second[WEIGHTS];
} Adam;

static void adam(Adam *p, const float *restrict gradient, float correct_1, float correct_2) {
    for (int i = 0; i < WEIGHTS; i++) {
        p->first[i] = DECAY_1 * p->first[i] + (1 - DECAY_1) * gradient[i];
        p->second[i] = DECAY_2 * p->second[i] + (1 - DECAY_2) * gradient[i] * gradient[i];
        p->value[i] -= RATE * p->first[i] * correct_1 / (sqrtf(p->second[i] * correct_2) + TINY);
    }
}

static double fit(int steps, uint64_t seed, double *checksum) {
    static Adam mean, log_sd;
    float noise[WEIGHTS], sd[WEIGHTS], w[WEIGHTS], gradient[WEIGHTS], scale_gradient[WEIGHTS];
    double tail = 0, power_1 = 1, power_2 = 1;
    memset(&mean, 0, sizeof mean);
    memset(&log_sd, 0, sizeof log_sd);
    seed_state(seed);
    normals(mean.value, WEIGHTS);
    for (int i = 0; i < WEIGHTS; i++) {
        mean.value[i] *= 0.1f;
        log_sd.value[i] = -2;
    }
    for (int step = 0; step < steps; step++) {
        float entropy = 0.5f * WEIGHTS * (1 + LOG_2_PI);
        normals(noise, WEIGHTS);
        for (int i = 0; i < WEIGHTS; i++) {
            sd[i] = expf(log_sd.value[i]);
            w[i] = mean.value[i] + sd[i] * noise[i];
            entropy += log_sd.value[i];
        }
        const float elbo = log_joint(w, gradient) + entropy;
        for (int i = 0; i < WEIGHTS; i++) scale_gradient[i] = gradient[i] * noise[i] * sd[i] - 1;
        power_1 *= DECAY_1;
        power_2 *= DECAY_2;
        adam(&mean, gradient, (float)(1 / (1 - power_1)), (float)(1 / (1 - power_2)));
        adam(&log_sd, scale_gradient, (float)(1 / (1 - power_1)), (float)(1 / (1 - power_2)));
        if (step >= steps - TAIL) tail += elbo;
    }
    *checksum = 0;
    for (int i = 0; i < WEIGHTS; i++) *checksum += mean.value[i] * (i + 1) + log_sd.value[i];
    return tail / (steps < TAIL ? steps : TAIL);
}

/* ---- data, clock, checks ---- */

static void set_rows(int count) {
    rows = count;
    padded = (count + BLOCK - 1) / BLOCK * BLOCK;
}

static int load(const char *path) {
    FILE *file = fopen(path, "rb");
    int32_t count;
    if (!file || fread(&count, sizeof count, 1, file) != 1 || count < 1 || count > MAX_ROWS) return 0;
    set_rows(count);
    const size_t n = (size_t)count;
    const int whole = fread(inputs[0], sizeof(float), n, file) == n && fread(inputs[1], sizeof(float), n, file) == n &&
                      fread(sign, sizeof(float), n, file) == n;
    fclose(file);
    for (int r = 0; r < rows; r++) sign[r] = 1 - 2 * sign[r];
    return whole;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double worst(double so_far, double got, double expected) {
    const double error = fabs(got - expected) / fmax(fabs(expected), 1e-30);
    return error > so_far ? error : so_far;
}

static int check(void) {
    double e_exp = 0, e_log = 0, e_tanh = 0, e_gradient = 0;
    for (int i = 1; i < 400000; i++) {
        const float x = (float)i * 5e-5f; /* (0, 20) */
        e_exp = worst(e_exp, exp_of(-x), exp(-(double)x));
        e_log = worst(e_log, log1p_of(x / 20), log1p((double)(x / 20)));
        e_tanh = worst(e_tanh, tanh_of(x), tanh((double)x));
    }
    float w[WEIGHTS], gradient[WEIGHTS], unused[WEIGHTS];
    seed_state(1);
    set_rows(100);
    normals(inputs[0], rows);
    normals(inputs[1], rows);
    normals(w, WEIGHTS);
    for (int r = 0; r < rows; r++) sign[r] = inputs[0][r] * inputs[1][r] > 0 ? 1 : -1;
    log_joint(w, gradient);
    for (int i = 0; i < WEIGHTS; i++) {
        const float centre = w[i], h = 0.01f;
        w[i] = centre + h;
        const float up = log_joint(w, unused);
        w[i] = centre - h;
        const float down = log_joint(w, unused);
        w[i] = centre;
        e_gradient = fmax(e_gradient, fabs(gradient[i] + (up - down) / (2 * h)));
    }
    printf("relative errors: exp %.1e log1p %.1e tanh %.1e; gradient (absolute) %.1e\n", e_exp, e_log, e_tanh, e_gradient);
    return e_exp < 1e-6 && e_log < 1e-6 && e_tanh < 1e-6 && e_gradient < 3e-2 ? 0 : 1;
}

int main(int count, char **words) {
    if (count == 2 && !strcmp(words[1], "--check")) return check();
    if (count != 4 || !load(words[1])) {
        fprintf(stderr, "usage: floor DATA STEPS FITS (DATA of 1 to %d rows) or floor --check\n", MAX_ROWS);
        return 2;
    }
    for (int seed = 0; seed < atoi(words[3]); seed++) {
        double checksum;
        const double start = now(), elbo = fit(atoi(words[2]), (uint64_t)seed, &checksum);
        printf("%.6f %.3f %.6f\n", now() - start, elbo, checksum);
    }
    return 0;
}
