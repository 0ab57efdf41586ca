/* Uses the class of examples/point.py from C: a Python program has had it compiled, this one calls the same machine
 * code.
 *
 *     python3 -c 'import point; point.Point(3.0, 4.0).norm2()'     (in examples/)
 *     cc point.c $(pkg-config --cflags --libs jitd) -o point && ./point */
#include <jitd.h>
#include <stdio.h>

static int failed(const char *what, const jitd_error *error) {
    fprintf(stderr, "%s: %s: %s\n", what, error->exception, error->message);
    for (int i = 0; i < error->nframes; i++)
        fprintf(stderr, "  in %s, %s:%d\n", error->frames[i].function, error->frames[i].file, error->frames[i].line);
    return 1;
}

static int use_point(jitd_session *session, const jitd_class *point) {
    jitd_error error;
    jitd_ref p;
    jitd_value norm2, x, y, angle = {.f = 1.5707963267948966}; /* radians */
    if (jitd_new(session, point, &p, &error))
        return failed("jitd_new", &error);
    int r = jitd_set(session, p, "x", (jitd_value){.f = 3.0}, &error) ||
            jitd_set(session, p, "y", (jitd_value){.f = 4.0}, &error) ||
            jitd_call_named(session, p, "norm2", NULL, 0, &norm2, 1, &error) ||
            jitd_call_named(session, p, "turn", &angle, 1, NULL, 0, &error) || jitd_get(session, p, "x", &x, &error) ||
            jitd_get(session, p, "y", &y, &error);
    jitd_unref(session, p);
    if (r)
        return failed("point", &error);
    printf("norm2 %g, turned by 90 degrees: %.3f, %.3f\n", norm2.f, x.f, y.f);
    return 0;
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "point.Point";
    jitd_session *session;
    const jitd_class *point;
    jitd_error error;
    size_t n;
    if (jitd_attach(NULL, &session, &error))
        return failed("jitd_attach", &error);
    int r = jitd_class_find(session, name, &point, &error) ? failed(name, &error) : 0;
    if (r == 0) {
        const jitd_field *fields = jitd_class_fields(point, &n);
        for (size_t i = 0; i < n; i++)
            printf("%s: %s at byte %u\n", fields[i].name, fields[i].type, fields[i].offset);
        r = use_point(session, point);
    }
    jitd_detach(session);
    return r;
}
