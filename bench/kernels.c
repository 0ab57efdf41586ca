/* The same kernels in C, built by clang -O3 -march=native -ffp-contract=off: what compiled code is measured against. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct Body {
    double x, y, z, vx, vy, vz, mass;
} Body;

typedef struct System {
    Body *a, *b, *c, *d, *e;
} System;

static void pull(Body *self, Body *other, double dt) {
    double dx = self->x - other->x, dy = self->y - other->y, dz = self->z - other->z;
    double d2 = dx * dx + dy * dy + dz * dz;
    double mag = dt / (d2 * sqrt(d2));
    self->vx -= dx * other->mass * mag;
    self->vy -= dy * other->mass * mag;
    self->vz -= dz * other->mass * mag;
    other->vx += dx * self->mass * mag;
    other->vy += dy * self->mass * mag;
    other->vz += dz * self->mass * mag;
}

static void move(Body *self, double dt) {
    self->x += dt * self->vx;
    self->y += dt * self->vy;
    self->z += dt * self->vz;
}

Body *body_new(double x, double y, double z, double vx, double vy, double vz, double mass) {
    Body *body = malloc(sizeof *body);
    *body = (Body){x, y, z, vx, vy, vz, mass};
    return body;
}

System *system_new(Body *a, Body *b, Body *c, Body *d, Body *e) {
    System *self = malloc(sizeof *self);
    *self = (System){a, b, c, d, e};
    return self;
}

double nbody(System *self, int64_t steps, double dt) {
    Body *a = self->a, *b = self->b, *c = self->c, *d = self->d, *e = self->e;
    for (int64_t i = 0; i < steps; i++) {
        pull(a, b, dt);
        pull(a, c, dt);
        pull(a, d, dt);
        pull(a, e, dt);
        pull(b, c, dt);
        pull(b, d, dt);
        pull(b, e, dt);
        pull(c, d, dt);
        pull(c, e, dt);
        pull(d, e, dt);
        move(a, dt);
        move(b, dt);
        move(c, dt);
        move(d, dt);
        move(e, dt);
    }
    return a->x + b->y + c->z + d->vx + e->vy;
}

int64_t mandelbrot(int64_t size, int64_t limit) {
    int64_t total = 0;
    for (int64_t row = 0; row < size; row++) {
        double ci = 2.0 * row / size - 1.0;
        for (int64_t column = 0; column < size; column++) {
            double cr = 2.0 * column / size - 1.5, zr = 0, zi = 0;
            int64_t n = 0;
            while (n < limit && zr * zr + zi * zi <= 4.0) {
                double t = zr * zr - zi * zi + cr;
                zi = 2.0 * zr * zi + ci;
                zr = t;
                n++;
            }
            total += n;
        }
    }
    return total;
}

typedef struct Dice {
    int64_t state;
} Dice;

static double next(Dice *self) {
    self->state = (uint64_t)(self->state * 1103515245 + 12345) % 2147483648; /* unsigned: the faster way to write it */
    return self->state / 2147483648.0;
}

int64_t dice(int64_t *state, int64_t samples) {
    Dice *self = (Dice *)state;
    int64_t inside = 0;
    for (int64_t i = 0; i < samples; i++) {
        double x = next(self), y = next(self);
        if (x * x + y * y <= 1.0)
            inside++;
    }
    return inside;
}

typedef struct Node {
    int64_t value;
    struct Node *next;
} Node;

static int64_t chain_once(int64_t length) {
    Node *head = NULL;
    for (int64_t i = 0; i < length; i++) {
        Node *node = malloc(sizeof *node);
        node->value = i;
        node->next = head;
        head = node;
    }
    int64_t total = 0;
    for (Node *node = head; node; node = node->next)
        total += node->value;
    while (head) {
        Node *next = head->next;
        free(head);
        head = next;
    }
    return total;
}

int64_t chain(int64_t length, int64_t times) {
    int64_t total = 0;
    for (int64_t i = 0; i < times; i++)
        total += chain_once(length);
    return total;
}
