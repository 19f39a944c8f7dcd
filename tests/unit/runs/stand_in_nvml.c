/* Stands in for NVIDIA's library: two cards, of which the second does not tell its temperature. */
#include <string.h>

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } utilisation_t;
static char cards[2];

int nvmlInitWithFlags(unsigned int flags) { (void)flags; return 0; }
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    if (index > 1) return 2;
    *handle = &cards[index];
    return 0;
}
static int index_of(void *handle) { return (int)((char *)handle - cards); }
int nvmlDeviceGetName(void *handle, char *name, unsigned int length) {
    strncpy(name, index_of(handle) ? "Stand-in B" : "Stand-in A", length);
    return 0;
}
int nvmlDeviceGetMemoryInfo(void *handle, memory_t *memory) {
    memory->total = 8ULL << 30;
    memory->used = index_of(handle) ? 1ULL << 30 : 3ULL << 30;
    memory->free = memory->total - memory->used;
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *handle, utilisation_t *rates) {
    rates->gpu = index_of(handle) ? 0 : 75;
    rates->memory = 10;
    return 0;
}
int nvmlDeviceGetTemperature(void *handle, unsigned int sensor, unsigned int *degrees) {
    if (index_of(handle)) return 3;
    *degrees = 61;
    return sensor;
}
int nvmlDeviceGetTemperatureV(void *handle, void *reading) {
    (void)handle; (void)reading;
    return 3;
}
