/* Makes the vectors beside this file with libopus 1.3.1:
 *   gcc -o make make.c -lopus -lm
 *   ./make silk-20ms 0 320; ./make celt-20ms 1 320; ./make celt-10ms 1 160
 * NAME.packets are packets, each after its length in two bytes, low byte first; NAME.pcm is what libopus decodes of
 * them, 16-bit little-endian at 16 kHz, with packets 13 and 33 lost. */
#include <math.h>
#include <opus/opus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { RATE = 16000, PACKETS = 40 };

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int low_delay = atoi(argv[2]), samples = atoi(argv[3]), error;
    OpusEncoder *encoder = opus_encoder_create(
        RATE, 1, low_delay ? OPUS_APPLICATION_RESTRICTED_LOWDELAY : OPUS_APPLICATION_VOIP, &error);
    OpusDecoder *decoder = opus_decoder_create(RATE, 1, &error);
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE(32000));
    opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(3));
    char name[256];
    snprintf(name, sizeof name, "%s.packets", argv[1]);
    FILE *packets = fopen(name, "wb");
    snprintf(name, sizeof name, "%s.pcm", argv[1]);
    FILE *pcm = fopen(name, "wb");
    opus_int16 in[320], out[320];
    unsigned char packet[1000];
    double phase = 0;
    for (int at = 0; at < PACKETS; at++) {
        for (int i = 0; i < samples; i++) {
            /* A voice: harmonics of a wavering pitch under three formants, four syllables a second. */
            double t = (double)(at * samples + i) / RATE, pitch = 140 + 30 * sin(2 * M_PI * 3 * t), sum = 0;
            phase += 2 * M_PI * pitch / RATE;
            for (int h = 1; h <= 18; h++) {
                double f = h * pitch;
                double level = 1 / (1 + pow((f - 500) / 200, 2)) + 0.6 / (1 + pow((f - 1500) / 300, 2)) +
                               0.3 / (1 + pow((f - 2600) / 400, 2));
                sum += level * sin(h * phase);
            }
            in[i] = (opus_int16)(4000 * (0.5 + 0.5 * sin(2 * M_PI * 4 * t)) * sum);
        }
        int length = opus_encode(encoder, in, samples, packet, sizeof packet);
        uint8_t head[2] = {length & 255, length >> 8};
        fwrite(head, 1, 2, packets);
        fwrite(packet, 1, length, packets);
        int lost = at % 20 == 13;
        if (opus_decode(decoder, lost ? NULL : packet, lost ? 0 : length, out, samples, 0) != samples) return 1;
        fwrite(out, 2, samples, pcm);
    }
    fclose(packets);
    fclose(pcm);
    return 0;
}
