/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/dsdt.asl - the devices of the virtual PC (arch/x86/pc/map.h), for guests.
 *
 * The same for every guest. Processors are in the MADT only: without objects of their own, a
 * guest idles with HLT and has no power states to manage.
 * Source   ACPI Specification 6.5, "ACPI Source Language Reference"; PCI Firmware Specification,
 *	    "_OSC - ... PCI Host Bridge"; numbers from map.h, compared by test_guest_acpi.
 */
DefinitionBlock ("", "DSDT", 2, "BULKHD", "BULKHEAD", 1)
{
	/* Power off: SLP_TYP for PM1a and PM1b. */
	Name (\_S5, Package (4) { 5, 0, 0, 0 })

	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A08")) /* PCI Express */
			Name (_CID, EisaId ("PNP0A03"))
			Name (_UID, 0)
			Name (_SEG, 0)
			Name (_BBN, 0)
			Name (_CRS, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
					0, 0, 0, 0, 1)
				IO (Decode16, 0x0cf8, 0x0cf8, 1, 8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0x0000, 0x0cf7, 0, 0x0cf8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0x0d00, 0xffff, 0, 0xf300)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					NonCacheable, ReadWrite,
					0, 0xe0100000, 0xfebfffff, 0, 0x1eb00000)
			})

			/*
			 * What the guest asks to control, it gets: no firmware is there that would
			 * want it. Hot plug (bits 1:0), PME, AER and LTR are not offered: no port has
			 * them. That leaves the PCI Express capability structure, bit 4.
			 */
			Method (_OSC, 4, NotSerialized)
			{
				CreateDWordField (Arg3, 0, CDW1)
				If (Arg0 == ToUUID ("33db4d5b-1ff7-401c-9657-7441c03dd766"))
				{
					CreateDWordField (Arg3, 8, CDW3)
					Local0 = CDW3 & 0x10
					If (Arg1 != 1)
					{
						CDW1 |= 0x08 /* unknown revision */
					}
					If (Local0 != CDW3)
					{
						CDW1 |= 0x10 /* capabilities masked */
					}
					CDW3 = Local0
				}
				Else
				{
					CDW1 |= 0x04 /* unknown UUID */
				}
				Return (Arg3)
			}
		}

		/* What no device below claims: ECAM, port 61H, port 92H, ELCR, PM1 and PM timer. */
		Device (MBRD)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_UID, 0)
			Name (_CRS, ResourceTemplate ()
			{
				Memory32Fixed (ReadWrite, 0xe0000000, 0x00100000)
				IO (Decode16, 0x0061, 0x0061, 1, 1)
				IO (Decode16, 0x0092, 0x0092, 1, 1)
				IO (Decode16, 0x04d0, 0x04d0, 1, 2)
				IO (Decode16, 0x0600, 0x0600, 1, 12)
			})
		}

		Device (PIC)
		{
			Name (_HID, EisaId ("PNP0000"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0020, 0x0020, 1, 2)
				IO (Decode16, 0x00a0, 0x00a0, 1, 2)
				IRQNoFlags () { 2 }
			})
		}

		Device (PIT)
		{
			Name (_HID, EisaId ("PNP0100"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0040, 0x0040, 1, 4)
				IRQNoFlags () { 0 }
			})
		}

		Device (RTC)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0070, 0x0070, 1, 2)
				IRQNoFlags () { 8 }
			})
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, 1)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03f8, 0x03f8, 1, 8)
				IRQNoFlags () { 4 }
			})
		}
	}
}
